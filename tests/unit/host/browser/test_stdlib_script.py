"""The compilation of a standard library, here by this Python and of an archive of two modules."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from modelden.host.browser import stdlib_script

CLASSES = b"class Outer:\n    class Inner:\n        '''Text.'''\n\n        def call(self):\n            raise OSError\n"
NO_PYTHON = b"print 'as in Python 2'\n"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "python314.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("package/classes.py", (2026, 9, 14, 3, 3, 54)), CLASSES)
        archive.writestr("package/__init__.py", b"")
        archive.writestr("package/data.txt", b"data")
        archive.writestr("old.py", NO_PYTHON)
    monkeypatch.setattr(stdlib_script, "FOLDER", str(path))
    return path


def compiled(path: Path, *, sources: bool = False) -> bytes:
    data = base64.b64decode(json.loads(stdlib_script.compile_library(sources=sources)))
    path.write_bytes(data)
    return data


def test_modules_become_bytecode_and_other_files_stay(library: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(compiled(library)))

    assert archive.namelist() == ["old.py", "package/__init__.pyc", "package/classes.pyc", "package/data.txt"]
    assert archive.read("old.py") == NO_PYTHON
    assert archive.getinfo("package/classes.pyc").date_time == (2026, 9, 14, 3, 3, 54)


def test_sources_stay_on_request(library: Path) -> None:
    assert zipfile.ZipFile(io.BytesIO(compiled(library, sources=True))).namelist() == [
        *("old.py", "package/__init__.py", "package/__init__.pyc"),
        *("package/classes.py", "package/classes.pyc", "package/data.txt"),
    ]


def test_the_same_archive_gives_the_same_bytes(library: Path) -> None:
    before = library.read_bytes()
    first = compiled(library)
    library.write_bytes(before)

    assert compiled(library) == first


def test_there_is_nothing_to_compile_twice(library: Path) -> None:
    with zipfile.ZipFile(library, "w") as archive:
        archive.writestr("package/classes.pyc", b"bytecode")

    assert json.loads(stdlib_script.compile_library(sources=False)) is None


def test_python_runs_the_bytecode_and_its_tracebacks_name_file_and_line(library: Path) -> None:
    compiled(library)
    code = "from package.classes import Outer; print(Outer.Inner.__doc__, flush=True); Outer.Inner().call()"

    process = subprocess.run(  # noqa: S603  this Python
        [sys.executable, "-c", code], env={"PYTHONPATH": str(library)}, capture_output=True, text=True, check=False
    )

    assert process.stdout == "Text.\n"
    assert f'File "{library}/package/classes.py", line 6, in call' in process.stderr


def test_bytes_do_not_depend_on_a_module_that_is_alive() -> None:
    source = CLASSES.replace(b"Outer", b"NotAlive")
    before = stdlib_script.compile_module("package/classes.py", source)
    alive = compile(source, "classes.py", "exec")

    assert stdlib_script.compile_module("package/classes.py", source) == before
    del alive
