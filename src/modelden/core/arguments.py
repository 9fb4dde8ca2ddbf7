"""Checks of arguments whose wrong type would be an error somewhere else, or none at all. Pure.

`configure` needs this module before the bytecode of an earlier visit has been restored, so Python compiles it in each
visit: it has what most modules need. The other checks are those of `core.argument_checks`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any

from modelden.errors import InputError

_CONTAINERS = (Sequence, AbstractSet, Mapping, ValuesView)
_FLAT = (str, bytes, bytearray, memoryview, range)
"""Sequences whose items hold nothing."""

MAX_LEVELS = 100
"""Levels of lists and mappings in an argument. In a page some thousand overflow the browser's stack in `repr`, which
Python does not survive: nothing of it answers any more. Comparisons take more of the stack."""

MAX_ITEMS = 100_000
"""Items of an argument, all levels together. A list that contains itself twice has more."""


def show(value: object) -> str:
    """Return a value for a message, at most 80 characters of it."""
    try:
        text = repr(value) if _is_plain(value) else f"a value of type {type(value).__name__}"
    except Exception:  # noqa: BLE001  a caller's own `__repr__`, or one that is nested too deeply
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_plain(value: object) -> bool:
    """Tell whether containers nest at most `MAX_LEVELS` deep, with `MAX_ITEMS`. No call is nested for it."""
    level, count = [value], 0
    for _ in range(MAX_LEVELS):
        containers: list[Collection[Any]] = [
            each for each in level if isinstance(each, _CONTAINERS) and not isinstance(each, _FLAT)
        ]
        if not containers:
            return True
        count += sum(map(len, containers))
        if count > MAX_ITEMS:
            return False
        level = [item for each in containers for item in (each.values() if isinstance(each, Mapping) else each)]
    return False


def check_text(name: str, value: Any) -> str:
    """Return ``value`` if it is a text that can be stored and sent.

    Raises:
        InputError: If it is not, or has half a character (a lone surrogate).
    """
    if not isinstance(value, str):
        raise InputError(f"{name}: expected a text, got {show(value)}.")
    if not is_unicode(value):
        raise InputError(f"{name}: expected a text, got one with half a character (a lone surrogate): {show(value)}.")
    return value


def check_optional_text(name: str, value: Any) -> str | None:
    """Return ``value`` if it is None or a text; errors as `check_text`."""
    return None if value is None else check_text(name, value)


def check_flag(name: str, value: Any) -> bool:
    """Return ``value`` if it is True or False.

    Raises:
        InputError: If it is not.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name}: expected True or False, got {show(value)}.")
    return value


def check_callback(name: str, value: Any) -> Callable[..., Any] | None:
    """Return ``value`` if it is None or can be called.

    Raises:
        InputError: If it is neither.
    """
    if value is not None and not callable(value):
        raise InputError(f"{name}: expected a function, got {show(value)}.")
    callback: Callable[..., Any] | None = value
    return callback


def check_function(name: str, value: Any) -> None:
    """Check that ``value`` can be called; errors as `check_callback`."""
    check_callback(name, 0 if value is None else value)


def check_number(name: str, value: Any, smallest: float, largest: float) -> None:
    """Check that ``value`` is a number in a range, which begins above ``smallest``.

    Raises:
        InputError: If it is not.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or math.isnan(value if isinstance(value, float) else 0) or not smallest < value <= largest:
        raise InputError(f"{name}: expected a number above {smallest:g}, at most {largest:g}, got {show(value)}")


def is_unicode(text: str) -> bool:
    """Return False for a text with lone surrogates, which no encoding of Unicode has."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_json(value: object) -> bool:
    """Tell whether a value is data that JSON has: no cycles, no NaN, texts as keys, at most `MAX_LEVELS` levels."""
    try:
        if not _is_plain(value):
            return False
        json.dumps(_plain(value), allow_nan=False, ensure_ascii=False).encode()
    except Exception:  # noqa: BLE001  no JSON, or a caller's own mapping
        return False
    return True


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("JSON has texts as keys")
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
