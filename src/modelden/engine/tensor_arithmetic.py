"""Comparison by value and matrix products of tensors, by NumPy's rules, without NumPy. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from modelden.errors import InputError

type Operand = tuple[Sequence[Any], tuple[int, ...], str]
"""Items, shape and data type."""


def compare(left: Operand, right: Operand | object, operation: Callable[[Any, Any], bool]) -> bytes:
    """Return the truth of a comparison for each item.

    Args:
        left: A tensor.
        right: A tensor of the same shape, or one value for all items.
        operation: The comparison of two items.

    Raises:
        InputError: For tensors of different shapes.
    """
    items, shape, _ = left
    if not isinstance(right, tuple):
        return bytes(operation(item, right) for item in items)
    others, other_shape, _ = right
    if shape != other_shape:
        raise InputError(f"Tensors of the shapes {shape} and {other_shape} cannot be compared item by item.")
    return bytes(map(operation, items, others))


def multiply(left: Operand, right: Operand) -> tuple[list[Any], tuple[int, ...], str]:
    """Return the items, shape and data type of a matrix product of tensors of one or two dimensions.

    Raises:
        InputError: For tensors of other shapes, and for strings.
    """
    (items, shape, dtype), (others, other_shape, other_dtype) = left, right
    if len(shape) not in (1, 2) or len(other_shape) not in (1, 2) or shape[-1] != other_shape[0]:
        raise InputError(
            f"Shapes {shape} and {other_shape} have no matrix product: expected one or two dimensions, and as many "
            "columns on the left as rows on the right. numpy.asarray(tensor) has products of more dimensions."
        )
    if "string" in (dtype, other_dtype):
        raise InputError("Strings have no matrix product.")
    inner, columns = shape[-1], math.prod(other_shape[1:])
    rows = [items[start : start + inner] for start in range(0, math.prod(shape), inner)] if inner else []
    turned = [others[column::columns] for column in range(columns)] if inner else []
    products = [math.sumprod(row, column) for row in rows for column in turned]
    if not inner:
        products = [0] * (math.prod(shape[:-1]) * columns)
    common = _common(dtype, other_dtype)
    return _fitted(products, common), (*shape[:-1], *other_shape[1:]), common


def _common(dtype: str, other: str) -> str:
    if dtype == other:
        return dtype
    floats = {each for each in (dtype, other) if each.startswith("float")}
    if floats == {"float16", "float32"}:
        return "float32"
    return "float64" if floats else "int64"


def _fitted(products: Iterable[Any], dtype: str) -> list[Any]:
    if dtype.startswith("float"):
        return [float(product) for product in products]
    if dtype == "bool":
        return [bool(product) for product in products]
    bits = int(dtype.lstrip("uint"))
    offset = 0 if dtype.startswith("u") else 1 << (bits - 1)
    return [(product + offset) % (1 << bits) - offset for product in products]  # as the machine's numbers wrap
