from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import modelden

SOURCES = Path(modelden.__file__).parents[1]
SHIM = SOURCES.parent / "distributions/onnxruntime"


def in_a_fresh_python(program: str, *folders: Path) -> str:
    """The output of a program in a Python without other packages."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(map(str, folders))},
    )
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


IMPORTS = """
import onnxruntime
import onnxruntime as ort
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi import _pybind_state as C
from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession as again
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, NoSuchFile, NotImplemented
import onnxruntime.capi.onnxruntime_pybind11_state as state
import importlib.util
from modelden import onnxruntime as ours
assert ort is ours and ort.capi._pybind_state is C and state.Fail is C.Fail
assert importlib.util.find_spec("onnxruntime") is not None
print(ort.__version__, InferenceSession is again)
"""


@pytest.mark.parametrize(
    "program",
    [IMPORTS, f"from modelden import onnxruntime\nonnxruntime.install()\nonnxruntime.install()\n{IMPORTS}"],
    ids=["by the distribution", "by the function"],
)
def test_code_that_imports_onnxruntime_gets_modeldens(program: str) -> None:
    folders = [SOURCES, SHIM] if program is IMPORTS else [SOURCES]

    assert in_a_fresh_python(program, *folders) == "1.22.0 True\n"


def test_onnxruntime_itself_is_not_replaced_once_it_was_imported(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("class InferenceSession: pass\n")
    program = "import onnxruntime\nfrom modelden import onnxruntime as ours\nours.install()"

    assert "InputError: onnxruntime was imported before" in in_a_fresh_python(program, tmp_path, SOURCES)
