"""`modelden stdlib` on Pyodide as it is published, in Node and in the browsers."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hosting.conftest import ROOT
from tests.hosting.test_run import modelden

PUBLISHED = ROOT / "node_modules/pyodide"
BUILT = ROOT / "build/pyodide/python_stdlib.zip"


def programs_without(folder: Path, *missing: str) -> str:
    """Return a PATH with all programs of this machine but these."""
    folder.mkdir()
    for program in (each for place in os.get_exec_path() if Path(place).is_dir() for each in Path(place).iterdir()):
        if program.name not in missing and not (folder / program.name).is_symlink():
            (folder / program.name).symlink_to(program)
    return str(folder)


def test_a_browser_writes_the_same_bytes_as_node(tmp_path: Path) -> None:
    process = modelden(
        *("stdlib", PUBLISHED, "--out", tmp_path / "library.zip"), path=programs_without(tmp_path / "bin", "node")
    )

    assert process.returncode == 0, process.stderr
    assert (tmp_path / "library.zip").read_bytes() == BUILT.read_bytes()


def test_a_compiled_library_stays_as_it_is(tmp_path: Path) -> None:
    process = modelden("stdlib", ROOT / "build/pyodide", "--out", tmp_path / "library.zip")

    assert process.returncode == 0, process.stderr
    assert (tmp_path / "library.zip").read_bytes() == BUILT.read_bytes()


def test_sources_cannot_be_brought_back(tmp_path: Path) -> None:
    process = modelden("stdlib", ROOT / "build/pyodide", "--out", tmp_path / "library.zip", "--sources")

    assert process.returncode == 2
    assert "has no sources to keep" in process.stderr


def test_without_node_and_browsers_the_message_says_what_is_needed(tmp_path: Path) -> None:
    process = modelden("stdlib", PUBLISHED, "--out", tmp_path / "library.zip", path=str(tmp_path))

    assert process.returncode == 4
    assert "Pyodide needs Node or a browser" in process.stderr
    assert not (tmp_path / "library.zip").exists()
