"""The bytes of vectors, as an index stores and searches them. Pure."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from modelden.core.arguments import show
from modelden.engine.similarity import numeric_view, vector_rows
from modelden.errors import InputError

_CHECKED_AT_ONCE = 65_536
"""Numbers whose sum is looked at together: it is finite if all of them are."""

_LARGEST = 3.4028234663852886e38
"""Largest 32-bit float."""


def pack_vectors(name: str, value: Any) -> tuple[bytes, int, int]:
    """Return vectors as little-endian 32-bit floats, their number, and the numbers of each.

    Raises:
        InputError: For anything else, and for numbers that are not finite 32-bit floats.
    """
    if isinstance(value, list | tuple | str | bytes):
        rows: Sequence[Sequence[float]] = vector_rows(name, value)
        numbers = array("f")
        for row in rows:
            if max(map(abs, row)) > _LARGEST:
                raise InputError(f"{name}: expected 32-bit floats, got {show(max(row, key=abs))}.")
            numbers.extend(row)
        return _little_endian(numbers), len(rows), len(rows[0])
    view = numeric_view(name, value)
    kind = view.format.lstrip("@")
    if not view.nbytes:
        raise InputError(f"{name}: expected vectors of numbers in one dimension or two, got {show(value)}.")
    flat: Any = view.cast("B").cast(kind)  # type: ignore[call-overload]  # a native format
    for start in range(0, len(flat), _CHECKED_AT_ONCE):
        part = flat[start : start + _CHECKED_AT_ONCE].tolist()
        if not math.isfinite(sum(part)) and not all(map(math.isfinite, part)):
            raise InputError(f"{name}: expected finite numbers, got NaN or infinity.")
        if kind == "d" and max(map(abs, part)) > _LARGEST:
            raise InputError(f"{name}: expected 32-bit floats, got {show(max(part, key=abs))}.")
    numbers = array("f")
    if kind == "f":
        numbers.frombytes(flat.cast("B"))
    else:
        numbers.extend(map(float, flat))
    columns = view.shape[-1] if view.shape else 0
    return _little_endian(numbers), len(flat) // columns, columns


def _little_endian(numbers: array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
