"""The tables of docs/onnxruntime.md have every public name of onnxruntime, and say truly which ones are here."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

import modelden
from modelden import onnxruntime as ours

DOCUMENT = Path(modelden.__file__).parents[2] / "docs/onnxruntime.md"

TABLES = {
    title: re.findall(r"^\| `(\w+)` \| (same|differs|absent) \| (.*) \|$", text, re.MULTILINE)
    for title, _, text in (part.partition("\n") for part in DOCUMENT.read_text("utf-8").split("\n## ")[1:])
    if "| name | | |" in text
}


def names(thing: Any) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def own_names(title: str) -> set[str]:
    if title == "The module":
        return names(ours) | set(vars(ours))
    kind = getattr(ours, title)
    if title == "OrtMemoryInfo":
        return names(kind("Cpu", ours.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ours.OrtMemType.DEFAULT))
    return names(kind) | ({each.name for each in fields(kind)} if hasattr(kind, "__dataclass_fields__") else set())


@pytest.mark.parametrize("title", TABLES)
def test_a_table_has_every_name(title: str) -> None:
    theirs = onnxruntime if title == "The module" else getattr(onnxruntime, title)
    listed = {name: state for name, state, _ in TABLES[title]}

    assert set(listed) == names(theirs)
    assert {name for name, state in listed.items() if state != "absent"} == names(theirs) & own_names(title)


def test_a_name_that_differs_or_is_absent_has_a_reason() -> None:
    assert len(TABLES) == 10
    for rows in TABLES.values():
        assert not [name for name, state, reason in rows if (state == "same") == bool(reason)]
