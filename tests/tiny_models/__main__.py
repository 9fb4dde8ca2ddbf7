"""Write all tiny models as a hub: ``python -m tests.tiny_models FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.tiny_models import MODELS, REVISION, files, model_name
from tests.tiny_models.raw import WEIGHTS, raw_models
from tests.tiny_models.speech import VOCODER, vocoder
from tests.tiny_models.tokenizers import Files


def write(folder: Path) -> None:
    """Put every model's files below ``folder``."""
    for model in MODELS:
        _write(folder / model_name(model) / REVISION, files(model))
    for revision in ("main", REVISION):  # the first as transformers.js has it, the other where it is alone in a test
        _write(folder / VOCODER / revision, vocoder())
    raw = raw_models()
    names = {"onnx/external.onnx": "external", f"onnx/{WEIGHTS}": WEIGHTS, "alone/external.onnx": "external"}
    _write(folder / "tiny/raw" / REVISION, {path: raw[name] for path, name in names.items()})


def _write(folder: Path, contents: Files) -> None:
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
