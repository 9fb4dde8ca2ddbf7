"""Mozilla's version comparison (``nsIVersionComparator``, "Toolkit version format"), for runtimes. Pure."""

from __future__ import annotations

import re
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any

_PART = re.compile(r"(?P<a>-?\d*)(?P<b>[^\d+-]*)(?P<c>-?\d*)(?P<d>.*)", re.DOTALL)


def compare(left: str, right: str) -> int:
    """Return a negative number if ``left`` is older, 0 if both are equal, a positive one if it is newer.

    Versions are parts between dots; each part is number, text, number, text. A part without text is newer than one with
    text, so that ``5.0a`` comes before ``5.0``. Missing numbers are 0, ``1.0+`` is ``1.1pre``, and ``*`` is newer than
    every number.
    """
    for one, other in zip_longest(left.split("."), right.split("."), fillvalue=""):
        order = _compare_parts(_parse(one), _parse(other))
        if order:
            return order
    return 0


version_key = cmp_to_key(compare)
"""Key function that sorts versions from old to new."""


def _parse(part: str) -> tuple[float, str, float, str]:
    if part == "*":
        return float("inf"), "", 0, ""
    match = _PART.fullmatch(part)
    if match is None:  # every string matches
        raise AssertionError(part)
    number, text, second, rest = match.group("a", "b", "c", "d")
    first = _integer(number)
    if not text and rest.startswith("+"):
        return first + 1, "pre", 0, ""
    return first, text, _integer(second), rest


def _integer(text: str) -> float:
    return int(text) if text.strip("-") else 0


def _compare_parts(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    for one, other in zip(left, right, strict=True):
        if one == other:
            continue
        if isinstance(one, str) and (not one or not other):
            return 1 if not one else -1
        return 1 if one > other else -1
    return 0
