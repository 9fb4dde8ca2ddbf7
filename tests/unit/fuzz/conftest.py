from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelden import default_context
from tests.unit.fuzz.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A page, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(default_context, "page", default_context.page)
    for name in [name for name in sys.modules if name.startswith("modelden.onnxruntime")]:
        # `install` does this, and later tests need onnxruntime itself
        monkeypatch.setitem(sys.modules, name.removeprefix("modelden."), sys.modules[name])
    made = World(tmp_path)
    yield made
    made.close()
