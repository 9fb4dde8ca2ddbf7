"""Indices and slices of a tensor, by NumPy's rules for basic indexing. Pure.

A selection that is contiguous shares the tensor's memory, any other one is a copy.
"""

from __future__ import annotations

import math
import operator
from itertools import product
from typing import Any

from modelden.core.arguments import show
from modelden.errors import InputError


def select(
    flat: memoryview | list[str], shape: tuple[int, ...], key: Any
) -> tuple[memoryview | list[str], tuple[int, ...]] | Any:
    """Return the items and the shape of a selection; a single item if there is an index for each dimension.

    Raises:
        IndexError: For an index that is out of range, too many of them, or one of another kind.
        InputError: For a slice whose step is 0.
    """
    keys = _expanded(key, len(shape))
    ranges = [_positions(each, length, axis) for axis, (each, length) in enumerate(zip(keys, shape, strict=True))]
    indices = [each for each in ranges if isinstance(each, int)]
    if len(indices) == len(shape):
        return flat[sum(index * math.prod(shape[axis + 1 :]) for axis, index in enumerate(indices))]
    rest = tuple(len(each) for each in ranges if isinstance(each, range))
    return _gather(flat, shape, [range(each, each + 1) if isinstance(each, int) else each for each in ranges]), rest


def _expanded(key: Any, dimensions: int) -> list[Any]:
    """Return one index or slice for each dimension; ``...`` and missing ones stand for all."""
    keys = list(key) if isinstance(key, tuple) else [key]
    ellipses = sum(each is Ellipsis for each in keys)
    if ellipses > 1 or len(keys) - ellipses > dimensions:
        raise IndexError(f"a tensor of {dimensions} dimensions has no index {show(key)}")
    place = next((place for place, each in enumerate(keys) if each is Ellipsis), len(keys))
    keys[place : place + 1] = [slice(None)] * (dimensions - len(keys) + ellipses)
    return keys


def _positions(key: Any, length: int, axis: int) -> int | range:
    if isinstance(key, slice):
        try:
            return range(length)[key]
        except ValueError as error:
            raise InputError(f"A slice of a tensor takes steps forward or backward, not {show(key.step)}.") from error
    try:
        index = None if isinstance(key, bool) else operator.index(key)
    except TypeError:
        index = None
    if index is None:
        raise IndexError(
            f"a tensor takes whole numbers, slices and ..., not {show(key)}; numpy.asarray(tensor) takes more"
        )
    if not -length <= index < length:
        raise IndexError(f"index {show(index)} is out of range for dimension {axis}, which has {length}")
    return index % length


def _gather(flat: memoryview | list[str], shape: tuple[int, ...], ranges: list[range]) -> memoryview | list[str]:
    block = 1  # items of the last dimensions that are taken whole, and are contiguous
    while ranges and ranges[-1] == range(shape[len(ranges) - 1]):
        block *= len(ranges.pop())
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(ranges))]
    if all(len(each) == 1 for each in ranges[:-1]) and (not ranges or ranges[-1].step == 1):
        start = sum(each.start * step for each, step in zip(ranges, steps, strict=True))
        return flat[start : start + (len(ranges[-1]) * steps[-1] if ranges else block)]
    parts = [
        range(each.start * step, each.stop * step, each.step * step) for each, step in zip(ranges, steps, strict=True)
    ]
    starts = map(sum, product(*parts))
    if isinstance(flat, list):
        return [item for start in starts for item in flat[start : start + block]]
    kind: Any = flat.format  # of a tensor
    data: memoryview = memoryview(b"".join(flat[start : start + block].tobytes() for start in starts)).cast(kind)
    return data
