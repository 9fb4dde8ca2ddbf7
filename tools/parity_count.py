"""Prints how many recorded steps of Firefox are as recorded, by the tables of ``docs/firefox-parity.md``.

Tests compare each line of these tables with a replay of its recording. Usage: ``python tools/parity_count.py``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[1] / "docs/firefox-parity.md"

_LINE = re.compile(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", re.MULTILINE)


class Count(NamedTuple):
    """The steps of recordings.

    Attributes:
        recordings: Number of recordings.
        steps: Number of their steps.
        same: Number of steps that are as recorded. The others are intended differences, each with its reason.
    """

    recordings: int
    steps: int
    same: int


def count_steps(text: str) -> Count:
    """Return the sums of the tables in a page."""
    lines = _LINE.findall(text)
    return Count(len(lines), sum(int(steps) for _, steps, _ in lines), sum(int(same) for _, _, same in lines))


def summary(count: Count) -> str:
    """Return the sentence of the documentation."""
    different = count.steps - count.same
    steps = f"{count.recordings} recordings, {count.steps} steps"
    return f"{steps}: {count.same} as recorded, {different} intended differences."


if __name__ == "__main__":
    print(summary(count_steps(PAGE.read_text(encoding="utf-8"))))
