from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.settings.record_filter import filter_records, sort_records

RECORDS: list[dict[str, Any]] = [
    {"id": "a", "n": 1, "on": True, "nested": {"x": {"y": 1}}},
    {"id": "b", "n": 2, "on": 1, "nested": {"x": 2}},
    {"id": "c", "n": "2", "tags": ["x"]},
    {"id": "d", "n": None},
]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "abcd"),
        ({"id": "a"}, "a"),
        ({"n": 2}, "b"),
        ({"n": "2"}, "c"),
        ({"n": None}, "d"),
        ({"tags": None}, "abd"),
        ({"on": True}, "a"),
        ({"on": 1}, "b"),
        ({"n": [1, "2"]}, "ac"),
        ({"n": []}, ""),
        ({"nested": {"x": 2}}, "b"),
        ({"nested": {"x": {"y": 1}}}, "a"),
        ({"nested": {"x": {"y": 2}}}, ""),
        ({"id": "a", "n": 2}, ""),
        ({"missing": 1}, ""),
    ],
    ids=repr,
)
def test_filters_compare_as_javascript_does(filters: dict[str, Any], found: str) -> None:
    assert "".join(record["id"] for record in filter_records(RECORDS, filters)) == found


@pytest.mark.parametrize(
    ("order", "sorted_"),
    [
        ("", "cab"),
        ("id", "abc"),
        ("-id", "cba"),
        ("n", "cba"),
        ("-n", "abc"),
        ("missing", "cab"),
    ],
)
def test_orders(order: str, sorted_: str) -> None:
    records: list[dict[str, Any]] = [{"id": "c"}, {"id": "a", "n": 10}, {"id": "b", "n": 9}]

    assert "".join(record["id"] for record in sort_records(records, order)) == sorted_


@given(st.lists(st.fixed_dictionaries({"id": st.text()}, optional={"n": st.integers() | st.text() | st.none()})))
def test_any_values_can_be_sorted_and_none_is_lost(records: list[dict[str, Any]]) -> None:
    found = sort_records(records, "n")

    assert len(found) == len(records)
    assert all(record in found for record in records)
    numbers = [record["n"] for record in found if isinstance(record.get("n"), int)]
    assert numbers == sorted(numbers)
