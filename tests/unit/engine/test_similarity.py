from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
import pytest

from modelden import Match, Tensor, similarity, top_k
from modelden.errors import InputError

ROWS = [[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0]]
HALF = math.sqrt(0.5)


def tensor(rows: list[list[float]]) -> Tensor:
    flat = array("f", [number for row in rows for number in row])
    return Tensor(memoryview(flat), "float32", (len(rows), len(rows[0])))


def test_two_vectors_have_one_similarity() -> None:
    assert similarity([1, 1], [2, 0]) == pytest.approx(HALF)
    assert similarity(np.array([1, 1]), [2, 0]) == pytest.approx(HALF)
    assert similarity([0, 0], [1, 1]) == 0


@pytest.mark.parametrize("make", [list, tensor, np.array])
def test_rows_are_compared_with_rows(make: Any) -> None:
    found = similarity(make(ROWS), make(ROWS[:2]))

    assert found.shape == (4, 2)
    assert np.asarray(found) == pytest.approx(np.array([[1, 0], [0, 1], [HALF, HALF], [0, 0]]))
    assert similarity(make(ROWS), [1, 0]).shape == (4,)
    assert isinstance(found, np.ndarray) == (make is np.array)


@pytest.mark.parametrize("make", [list, tensor, np.array])
def test_the_best_rows_come_first_and_equal_ones_in_order(make: Any) -> None:
    found = top_k([1, 0], make([[0, 1], [2, 2], [1, 0], [5, 0]]), 3)

    assert [match.id for match in found] == [2, 3, 1]
    assert found[0] == Match(2, 1.0)
    assert len(top_k([1, 0], make(ROWS), 100)) == 4


def test_an_empty_matrix_has_no_match() -> None:
    assert top_k([1.0], []) == []


def test_rows_may_be_vectors_of_any_kind() -> None:
    rows = [array("d", [1, 0]), np.array([0, 1]), [1, 1]]

    assert [match.id for match in top_k(array("f", [1, 0]), rows, 2)] == [0, 2]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1, 2], [1, 2, 3], "a has vectors of 2 numbers, b of 3"),
        ("text", [1], "a: expected vectors of numbers"),
        ([1, "x"], [1, 2], "a: expected a list of numbers"),
        ([[1], [1, 2]], [1], "a: expected vectors of one length"),
        ([], [1], "a: expected vectors of at least one number"),
        ([math.nan], [1], "a: expected finite numbers"),
        ([1], [math.inf], "b: expected finite numbers"),
        ([10**400], [1], "a: expected finite numbers"),
        (np.zeros((1, 1, 1)), [1], "a: expected numbers in one dimension or two"),
        (None, [1], "a has to be a tensor"),
        (np.array([1, 2], ">f4"), [1, 2], "a: expected numbers in one dimension or two"),
        (np.array([1, None]), [1, 2], "a: expected numbers in one dimension or two"),
        (np.zeros(2, "f4,i4"), [1, 2], "a: expected numbers in one dimension or two"),
        ([True], [1], "a: expected a list of numbers"),
    ],
)
def test_anything_else_is_refused(a: Any, b: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        similarity(a, b)


@pytest.mark.parametrize("vectors", [None, 1, object(), np.float32(1), np.zeros((1, 1), ">f4")])
def test_a_matrix_that_is_none_is_refused(vectors: Any) -> None:
    with pytest.raises(InputError, match="vectors"):
        top_k([1], vectors)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None, "2"])
def test_k_is_a_whole_number(k: Any) -> None:
    with pytest.raises(InputError, match="k: expected a whole number of at least 1"):
        top_k([1], [[1]], k)


def test_a_query_is_one_vector() -> None:
    with pytest.raises(InputError, match="query: expected one vector"):
        top_k([[1]], [[1]])
