from __future__ import annotations

import math

import pytest

from modelden.core.age import TOLERANCE, age


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        (1000, 0, 1000),
        (1000, 1000, 0),
        (1000, 1001, 0),
        (0, TOLERANCE, 0),
        (0, TOLERANCE + 1, math.inf),
        (0, 2**53, math.inf),
    ],
)
def test_a_time_in_the_future_is_old(now: int, then: int, expected: float) -> None:
    assert age(now, then) == expected
