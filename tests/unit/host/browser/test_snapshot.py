"""`modelden snapshot`: its file format, and folders that it refuses; `tests/pyodide/test_boot.py` has pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelden.host.browser.snapshot import pack
from tests.unit.host.publishing import run


@pytest.mark.parametrize("name", ["pyodide.mjs", "python_stdlib.zip", "pyodide-lock.json"])
def test_a_folder_without_pyodide_is_exit_code_2(tmp_path: Path, name: str) -> None:
    for other in {"pyodide.mjs", "python_stdlib.zip", "pyodide-lock.json"} - {name}:
        (tmp_path / other).touch()

    result = run("snapshot", tmp_path)

    assert result.returncode == 2
    assert f"is not a Pyodide distribution: it has no {name}" in result.stderr


def test_zeros_are_left_out() -> None:
    memory = bytes(1024) + b"a" * 1024 + b"b" * 1024 + bytes(4096) + b"c" * 100

    content = pack(memory, {"x.py": b"pass", "y/z": b""})

    length = int.from_bytes(content[:4], "little")
    assert json.loads(content[4 : 4 + length]) == {
        "memory_size": len(memory),
        "ranges": [[1024, 2048], [7168, 100]],
        "files": [["x.py", 4], ["y/z", 0]],
    }
    assert content[4 + length :] == b"a" * 1024 + b"b" * 1024 + b"c" * 100 + b"pass"
