"""Cosine similarity of vectors, by NumPy where the caller has it, else by Python alone. Pure."""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from modelden.core.arguments import show
from modelden.engine.tensor import Tensor, contiguous_view
from modelden.errors import InputError

_NUMBERS = frozenset("efdbhilqnBHILQN")
"""Formats of `struct` that a memoryview reads as numbers."""

type Rows = list[Sequence[float]]


class Match(NamedTuple):
    """A vector that is similar to a query.

    Attributes:
        id: The number of its row in `top_k`, its name in a `VectorIndex`.
        score: Cosine similarity, from -1 to 1.
    """

    id: Any
    score: float


Match.__module__ = "modelden"


def similarity(a: Any, b: Any) -> Any:
    """Return the cosine similarity of two vectors, or of each row of ``a`` with each row of ``b``.

    Args:
        a: A vector, or a matrix of a vector in each row: a `Tensor`, a NumPy array, `array.array` or nested lists.
        b: Likewise, of the same length.

    Returns:
        A number for two vectors. Else a matrix, or its one row or column: a NumPy array if one of the arguments is one,
        a `Tensor` of ``float32`` if not. A vector of zeros is similar to nothing: 0.

    Raises:
        InputError: For anything else, for vectors of different lengths, and for numbers that are not finite.
    """
    numpy = _numpy_of(a, b)
    rows, others = vector_rows("a", a), vector_rows("b", b)
    _check_lengths(rows, others, "a", "b")
    shape = (*(() if _is_vector(a) else (len(rows),)), *(() if _is_vector(b) else (len(others),)))
    if numpy is not None:
        products = _unit(numpy, a) @ _unit(numpy, b).T
        return float(products[0, 0]) if not shape else products.reshape(shape)
    products = [value for row in rows for value in _scores(row, others)]
    if not shape:
        return products[0]
    from array import array

    return Tensor(memoryview(array("f", products)), "float32", shape)


def top_k(query: Any, vectors: Any, k: int = 10) -> list[Match]:
    """Return the rows of a matrix that are most similar to a query, the best first; equal ones by their row.

    Args:
        query: A vector.
        vectors: A matrix of a vector in each row, of the query's length; types as for `similarity`.
        k: Number of rows; all if there are fewer.

    Raises:
        InputError: As `similarity`, and for a ``k`` below 1.
    """
    check_k(k)
    if not _is_vector(query):
        raise InputError(f"query: expected one vector, got {show(query)}. Call top_k for each row of a matrix.")
    numpy = _numpy_of(query, vectors)
    [row], rows = vector_rows("query", query), [] if _is_empty(vectors) else vector_rows("vectors", vectors)
    _check_lengths([row], rows, "query", "vectors")
    if not rows:
        return []
    scores = _scores(row, rows) if numpy is None else (_unit(numpy, vectors) @ _unit(numpy, query)[0]).tolist()
    best = heapq.nsmallest(k, range(len(scores)), key=lambda index: (-scores[index], index))
    return [Match(index, scores[index]) for index in best]


def _is_empty(vectors: Any) -> bool:
    try:
        return len(vectors) == 0
    except Exception:  # noqa: BLE001  what has no length is no matrix, which `vector_rows` says
        return False


def check_k(k: Any) -> int:
    """Return a number of matches.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise InputError(f"k: expected a whole number of at least 1, got {show(k)}.")
    return k


def vector_rows(name: str, value: Any) -> Rows:
    """Return the vectors of an argument as rows of finite numbers.

    Raises:
        InputError: For anything else.
    """
    rows = _listed(name, value) if isinstance(value, list | tuple) else _buffered(name, value)
    if not rows or not all(rows):
        raise InputError(f"{name}: expected vectors of at least one number, got {show(value)}.")
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{name}: expected vectors of one length, got several.")
    if not all(math.isfinite(sum(row)) for row in rows) and not all(
        map(math.isfinite, (n for row in rows for n in row))
    ):
        raise InputError(f"{name}: expected finite numbers, got NaN or infinity.")
    return rows


def _listed(name: str, value: Sequence[Any]) -> Rows:
    if value and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        value = [value]
    rows: Rows = []
    for row in value:
        if isinstance(row, list | tuple) and all(isinstance(n, int | float) and not isinstance(n, bool) for n in row):
            rows.append([_to_float(name, number) for number in row])
        elif isinstance(row, list | tuple | str | bytes | int | float):
            raise InputError(f"{name}: expected a list of numbers, or of such lists, got {show(value)}.")
        else:
            rows += _buffered(name, row)
    return rows


def _to_float(name: str, number: float) -> float:
    try:
        return float(number)
    except OverflowError as error:
        raise InputError(f"{name}: expected finite numbers, got {show(number)}.") from error


def _buffered(name: str, value: Any) -> Rows:
    if isinstance(value, str | bytes | bytearray):
        raise InputError(f"{name}: expected vectors of numbers, got {show(value)}.")
    view = numeric_view(name, value)
    if not view.nbytes:
        return []
    length = view.shape[-1] if view.shape else 0
    flat = view.cast("B").cast(view.format.lstrip("@")).tolist()  # type: ignore[call-overload]  # a native format
    return [flat[start : start + length] for start in range(0, len(flat), length)]


def numeric_view(name: str, value: Any) -> memoryview:
    """Return the buffer of vectors, in a format of numbers of this machine.

    Raises:
        InputError: For texts, objects, truth values, structures, foreign byte orders, and more than two dimensions.
    """
    view = contiguous_view(value, name)
    if view.ndim not in (1, 2) or view.format.lstrip("@") not in _NUMBERS:
        raise InputError(f"{name}: expected numbers in one dimension or two, got {show(value)}.")
    return view


def _is_vector(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return len(shape) == 1
    if isinstance(value, list | tuple):
        return bool(value) and isinstance(value[0], int | float)
    return hasattr(value, "__buffer__") and memoryview(value).ndim == 1


def _numpy_of(*values: Any) -> Any:
    """Return NumPy if one of the values is its array."""
    numpy = sys.modules.get("numpy")
    return numpy if numpy is not None and any(isinstance(value, numpy.ndarray) for value in values) else None


def _unit(numpy: Any, value: Any) -> Any:
    rows = numpy.atleast_2d(numpy.asarray(value, dtype=numpy.float64))
    lengths = numpy.linalg.norm(rows, axis=1, keepdims=True)
    return rows / numpy.where(lengths == 0, 1, lengths)


def _scores(row: Sequence[float], others: Rows) -> list[float]:
    length = math.hypot(*row)
    scores = []
    for other in others:
        scale = length * math.hypot(*other)
        scores.append(math.sumprod(row, other) / scale if scale else 0.0)
    return scores


def _check_lengths(rows: Rows, others: Rows, name: str, other_name: str) -> None:
    if rows and others and len(rows[0]) != len(others[0]):
        raise InputError(
            f"{name} has vectors of {len(rows[0])} numbers, {other_name} of {len(others[0])}: expected one length. "
            "Vectors of different models cannot be compared."
        )


for _function in (similarity, top_k):
    _function.__module__ = "modelden"
