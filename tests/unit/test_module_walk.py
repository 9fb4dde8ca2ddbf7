"""The walk of a reader who follows a request: at most two thirds of the modules and hops at commit 0bc356e."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools/module_walk.py"

LIMITS = {
    "file, cold": (29, 172),
    "file, warm": (11, 24),
    "create_engine, cold": (50, 728),
    "create_engine, warm": (39, 247),
}
"""Modules of modelden that a request enters, and calls that enter another module than the call before."""


@pytest.fixture(scope="module")
def counts() -> dict[str, tuple[int, int]]:
    text = subprocess.run([sys.executable, TOOL], check=True, capture_output=True, text=True).stdout  # noqa: S603  ours
    return {
        title: (int(modules), int(changes))
        for title, modules, changes in re.findall(r"^(.+?) +(\d+) modules +(\d+) changes$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("title", LIMITS)
def test_a_request_enters_few_modules_and_hops_little_between_them(
    counts: dict[str, tuple[int, int]], title: str
) -> None:
    modules, changes = counts[title]

    assert (modules <= LIMITS[title][0], changes <= LIMITS[title][1]) == (True, True), counts


def test_each_walk_has_a_limit(counts: dict[str, tuple[int, int]]) -> None:
    assert set(counts) == set(LIMITS)
