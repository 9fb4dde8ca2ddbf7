"""`modelden stdlib` with folders that it refuses; `tests/hosting/test_stdlib.py` runs it on Pyodide."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelden.host.browser.stdlib import LIBRARY, write_bytecode
from modelden.host.errors import HostError
from tests.unit.host.publishing import run


@pytest.mark.parametrize("name", ["pyodide.mjs", LIBRARY])
def test_a_folder_without_pyodide_is_exit_code_2(tmp_path: Path, name: str) -> None:
    for other in {"pyodide.mjs", LIBRARY} - {name}:
        (tmp_path / other).touch()

    result = run("stdlib", tmp_path)

    assert result.returncode == 2
    assert f"is not a Pyodide distribution: it has no {name}" in result.stderr


def test_a_pyodide_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "pyodide.mjs").write_text('export const loadPyodide = () => { throw new Error("a broken copy"); };')
    (tmp_path / LIBRARY).write_bytes(b"as it was")

    with pytest.raises(HostError, match="a broken copy"):
        write_bytecode(tmp_path)

    assert (tmp_path / LIBRARY).read_bytes() == b"as it was"
