from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from modelden.core.staged_imports import import_staged


async def test_the_page_runs_between_two_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["staged_first", "staged_second"]
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importing = asyncio.ensure_future(import_staged(names))
    turns = []
    while not importing.done():
        await asyncio.sleep(0)
        turns.append([name for name in names if name in sys.modules])

    assert turns[0] == names[:1]
    assert turns[-1] == names
    for name in names:
        monkeypatch.delitem(sys.modules, name)


async def test_imported_modules_take_no_turn() -> None:
    importing = asyncio.ensure_future(import_staged(["sys", "asyncio"] * 100))
    await asyncio.sleep(0)

    assert importing.done()
