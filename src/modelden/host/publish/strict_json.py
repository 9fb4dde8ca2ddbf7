"""JSON that every reader reads alike (RFC 8259; I-JSON, RFC 7493): for what is published. Pure."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def parse_strict(data: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: It is no JSON in UTF-8, has NaN or an infinity (``1e999`` too), or a name twice in one object.
    """
    text = data.decode("utf-8").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_number, object_pairs_hook=_members)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is there twice in one object, and readers differ in which one counts")
    return members


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large, JavaScript reads Infinity")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON, and browsers refuse it")
