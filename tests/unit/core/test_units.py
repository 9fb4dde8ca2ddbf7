from __future__ import annotations

import pytest

from modelden.core.response_body import parse_whole
from modelden.core.units import format_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (23_284_000, "23.3 MB"),
        (99_949_000, "99.9 MB"),
        (99_951_000, "100 MB"),
        (999_600_000, "1.0 GB"),
        (1_500_000_000, "1.5 GB"),
        (2.5e15, "2500 TB"),
    ],
)
def test_a_size_is_written_as_people_do(size: float, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_of_a_header_are_a_number(text: str, number: int) -> None:
    assert parse_whole(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1e3", "\u00b2", "\u0663", "9" * 19, "1,1"])
def test_what_else_a_header_says_is_none(text: str) -> None:
    assert parse_whole(text) is None
