"""Packages of others over `modelden.onnxruntime`, and the models that they ship.

magika needs no NumPy, so it runs in the page as it is. onnx-asr needs one, which no registry has for Pyodide: it runs
as it is on CPython over the same code, and what it asks of its models runs in the page.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelden import onnxruntime as ours
from tests.hosting.model_pack import ModelCase, Value, write_pack
from tests.hosting.model_page import ModelPage, model_page
from tests.hosting.real_models import FILES, Recorder, features, imported, labels, pictures, segments, unpack, wheel
from tests.simulators.native_sessions import native_page

LARGEST_DIFFERENCE = 1e-4
"""Of a value to onnxruntime's own, as a share of the largest one: kernels of processors differ."""

type Expected = dict[str, tuple[ModelCase, list[list[Value]]]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Unpacked wheels by package; ``models`` has Silero's under the name that onnx-asr wants."""
    folder = tmp_path_factory.mktemp("packages")
    found = {name: unpack(name, folder) for name in ("magika", "onnx_asr", "silero_vad")}
    found["models"] = folder / "models"
    found["models"].mkdir()
    shutil.copy(found["silero_vad"] / "silero_vad/data/silero_vad.onnx", found["models"])
    return found


@pytest.fixture(scope="module")
def expected(folders: dict[str, Path]) -> Expected:
    """Models by name, with onnxruntime's own results."""
    recorders = {name: Recorder() for name in ("magika", "silero", "kaldi", "nemo128")}
    with imported(folders["magika"], "magika", recorders["magika"].module()) as magika:
        labels(magika)
    with imported(folders["onnx_asr"], "onnx_asr", recorders["silero"].module()) as onnx_asr:
        segments(onnx_asr, folders["models"])
    for name in ("kaldi", "nemo128"):
        with imported(folders["onnx_asr"], "onnx_asr", recorders[name].module()):
            features(name)
    classifier = "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"
    return {
        **{name: recorder.case(name) for name, recorder in recorders.items()},
        "nudenet": pictures("nudenet", "nudenet/320n.onnx", "images", (320, 320)),
        "rapidocr": pictures("rapidocr", classifier, "x", (192, 48)),
    }


def test_unmodified_packages_give_the_same_over_modelden(folders: dict[str, Path], tmp_path: Path) -> None:
    def results(runtime: Any) -> tuple[Any, Any, Any]:
        with imported(folders["magika"], "magika", runtime) as magika:
            found = labels(magika)
        with imported(folders["onnx_asr"], "onnx_asr", runtime) as onnx_asr:
            return found, segments(onnx_asr, folders["models"]), features("kaldi").tolist()

    theirs = results(Recorder().module())
    with native_page(tmp_path):
        assert results(ours) == theirs
    assert [label for label, _ in theirs[0]] == ["python", "html", "csv", "c", "png"]
    assert theirs[1], "there is speech in the sound"


@pytest.fixture(params=["chrome", "firefox"])
def page(request: pytest.FixtureRequest, expected: Expected, tmp_path: Path) -> Iterator[ModelPage]:
    """A page with the models, and with magika's wheel."""
    write_pack(tmp_path, [case for case, _ in expected.values()])
    shutil.copy(wheel("magika"), tmp_path / "magika.whl")
    with model_page(request.param, tmp_path) as opened:
        yield opened


def test_a_page_computes_what_onnxruntime_does(page: ModelPage, expected: Expected, folders: dict[str, Path]) -> None:
    actual, alone = page.modelden(), page.alone()

    for name, (_, runs) in expected.items():
        outputs = actual[name]
        assert not isinstance(outputs, str), f"{name}: {outputs}"
        for run, wanted, other in zip(outputs, runs, alone[name], strict=True):
            for y, value, same in zip(run, wanted, other, strict=True):
                assert y.dtype == value.dtype
                np.testing.assert_allclose(
                    y, value, rtol=0, atol=LARGEST_DIFFERENCE * np.abs(value).max(), err_msg=name
                )
                np.testing.assert_array_equal(y, same, err_msg=name)
    contents = {name: list(content) for name, content in FILES.items()}
    with imported(folders["magika"], "magika", Recorder().module()) as magika:
        assert json.loads(page.call("identify", page.pack_url, contents)) == [list(each) for each in labels(magika)]
