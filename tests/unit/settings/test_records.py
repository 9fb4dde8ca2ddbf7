from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.errors import InvalidRecord
from modelden.settings.records import (
    MAX_SAFE_INTEGER,
    Attachment,
    ExpressionFilter,
    filter_records,
    is_sha256,
    sort_records,
    whole_number,
)
from tests.simulators.surroundings import ScriptedExpressions

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
    [
        None,
        {},
        {"location": "a", "size": 1},
        {"location": "a", "size": "1", "hash": HASH},
        {"location": "a", "size": True, "hash": HASH},
        {"location": "a", "size": -1, "hash": HASH},
        {"location": "a", "size": 1.5, "hash": HASH},
        {"location": "a", "size": float("inf"), "hash": HASH},
        {"location": "a", "size": None, "hash": HASH},
        {"location": "a", "size": 1, "hash": HASH.upper()},
        {"location": "a", "size": 1, "hash": HASH[:63]},
        {"location": "a", "size": 1, "hash": 7},
        {"location": "", "size": 1, "hash": HASH},
        {"location": ["a"], "size": 1, "hash": HASH},
    ],
    ids=repr,
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


def test_a_size_that_is_whole_is_a_size() -> None:
    attachment = Attachment.of({"id": "a", "attachment": {"location": "a", "size": 256004.0, "hash": HASH}})

    assert attachment == Attachment("a", 256004, HASH)
    assert type(attachment.size) is int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (7, 7),
        (256004.0, 256004),
        (MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),
        (MAX_SAFE_INTEGER + 1, None),
        (True, None),
        (False, None),
        (-1, None),
        (-1.0, None),
        (1.5, None),
        (1e300, None),
        (float("inf"), None),
        (float("nan"), None),
        ("7", None),
        (None, None),
        ([7], None),
    ],
)
def test_a_whole_number_is_neither_negative_nor_a_truth_value(value: object, expected: int | None) -> None:
    assert whole_number(value) == expected


async def read(*records: dict[str, Any]) -> tuple[str, ScriptedExpressions]:
    expressions = ScriptedExpressions(yes=True, no=False)
    found = await ExpressionFilter(expressions, dict).filter("main/any", records)
    return "".join(record["id"] for record in found), expressions


@pytest.mark.parametrize("expression", [7, 0, True, False, 1.5, [], ["true"], {}, {"true": True}], ids=repr)
async def test_a_record_whose_expression_is_no_text_is_left_out(
    expression: object, caplog: pytest.LogCaptureFixture
) -> None:
    found, _ = await read({"id": "a"}, {"id": "b", "filter_expression": expression})

    assert found == "a"
    assert "the filter_expression of 'b' should be a text" in caplog.text


@pytest.mark.parametrize("expression", [7, [], "broken ("], ids=repr)
async def test_a_record_that_denies_stays_in_doubt(expression: object) -> None:
    found, _ = await read(
        {"id": "a", "filter": "ALLOW", "filter_expression": expression},
        {"id": "d", "filter": "DENY", "filter_expression": expression},
        {"id": "e", "filter": "DENY", "filter_expression": "no"},
        {"id": "f", "filter": "deny", "filter_expression": expression},
        {"id": "g", "filter": ["DENY"], "filter_expression": expression},
    )

    assert found == "dfg"


async def test_what_is_for_everybody_or_for_nobody_is_not_evaluated() -> None:
    found, expressions = await read(
        {"id": "a", "filter_expression": None},
        {"id": "b", "filter_expression": ""},
        {"id": "c", "filter_expression": "true"},
        {"id": "d", "filter_expression": "false"},
    )

    assert (found, expressions.asked) == ("abc", [])
