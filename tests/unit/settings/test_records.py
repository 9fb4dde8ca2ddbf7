from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.errors import InvalidRecord
from modelden.settings.records import Attachment, filter_records, is_sha256, sort_records

HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (HASH, True),
        (HASH.upper(), False),
        (HASH[1:], False),
        (HASH + "0", False),
        (HASH[:-1] + "\n", False),
        (HASH[:-1] + "g", False),
        (HASH[:32] + "-" + HASH[33:], False),
        (HASH.encode(), False),
        (None, False),
    ],
)
def test_a_sha256_has_64_digits_in_lower_case(value: object, *, expected: bool) -> None:
    assert is_sha256(value) is expected


@pytest.mark.parametrize(
    "attachment",
    [None, {}, {"location": "a", "size": 1}, {"location": "a", "size": "1", "hash": HASH}, {"hash": HASH.upper()}],
)
def test_an_attachment_with_missing_or_wrong_fields_is_refused(attachment: Any) -> None:
    with pytest.raises(InvalidRecord, match="record runtime of Remote Settings"):
        Attachment.of({"id": "runtime", "attachment": attachment})


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
