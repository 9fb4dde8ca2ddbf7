from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelden.settings.json_text import (
    MAX_DEPTH,
    PART_SIZE,
    SIGNATURE_PREFIX,
    canonical_json,
    parse_json,
    signed_parts,
    signed_text,
)
from tests.replay import TRUTH
from tests.unit.strategies import JSON


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_python_reads_it(value: object, ascii_only: bool, indent: int | None) -> None:  # noqa: FBT001  a parameter of the cases
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only, indent=indent)) == value


@given(st.lists(st.text('[]{}"\\')))
def test_brackets_in_texts_are_no_nesting(texts: list[str]) -> None:
    texts = [text * 40 for text in texts]

    assert parse_json(json.dumps(texts)) == texts


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_is_measured_before_it_is_read(opening: str, closing: str) -> None:
    for depth in (4 * MAX_DEPTH, 1_000_000):
        with pytest.raises(ValueError, match="nested deeper than"):
            parse_json(opening * depth + "1" + closing * depth)
        with pytest.raises(ValueError, match="nested deeper than"):
            parse_json(opening * depth)
    depth = MAX_DEPTH // len(opening.replace('"a":', ""))
    assert json.dumps(parse_json(opening * depth + "1" + closing * depth), separators=(",", ":")).startswith(opening)


def test_width_is_no_depth() -> None:
    wide = [[{"a": [1]}, [], {}]] * 10_000

    assert parse_json(json.dumps(wide)) == wide


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "[Infinity]", '{"x": -Infinity}', "[1e999]", "-1e999", "[1,]", "{'a': 1}", "9" * 5000, "\x00"],
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


VECTORS = json.loads((TRUTH / "kinto/canonical_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda vector: vector["json"])
def test_values_have_firefox_form(vector: dict[str, Any]) -> None:
    expected = vector["firefox"] if "firefox" in vector else vector["server"]

    assert canonical_json(json.loads(vector["json"])) == expected


@pytest.mark.parametrize("vector", VECTORS["collections"], ids=lambda vector: vector["name"])
def test_collections_have_the_signed_text(vector: dict[str, Any]) -> None:
    live = [record for record in vector["records"] if record.get("deleted") is not True]

    assert signed_text(live, vector["timestamp"]) == SIGNATURE_PREFIX + vector["signed_text"].encode("ascii")


def test_the_prefix_is_mozillas() -> None:
    assert SIGNATURE_PREFIX == b"Content-Signature:\x00"


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        10**400,
        "\ud800",
        ["\udfff"],
        {"\ud800": 1},
        {1: "key"},
        {None: 1},
        b"bytes",
        {1, 2},
        object(),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        canonical_json(value)


def test_nesting_without_end_is_refused_in_words() -> None:
    deep = json.loads("[" * 5000 + "]" * 5000)

    with pytest.raises(ValueError, match="nested"):
        signed_text([{"id": "a", "deep": deep}], 1)


@pytest.mark.parametrize("identifier", [1, None, "\ud800"])
def test_records_are_sorted_by_texts_only(identifier: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        signed_text([{"id": identifier}], 1)


@given(JSON)
def test_it_says_what_it_was_given(value: object) -> None:
    # JavaScript reads all numbers as doubles; 3.188006218940019e16 is written without a point.
    assert json.loads(canonical_json(value), parse_int=float) == value


@given(JSON)
@example(-0.0)
def test_it_is_its_own_canonical_form(value: object) -> None:
    text = canonical_json(value)

    # As JavaScript reads it: Python's integers have no minus zero.
    assert canonical_json(json.loads(text, parse_int=float)) == text
    assert text.isascii()
    assert text.isprintable()


@given(JSON, st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(value: object, source: random.Random) -> None:
    assert canonical_json(_shuffled(value, source)) == canonical_json(value)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(identifiers: list[str], source: random.Random) -> None:
    records = [{"id": identifier} for identifier in identifiers]
    text = signed_text(records, 7)
    source.shuffle(records)

    assert signed_text(records, 7) == text


def _shuffled(value: object, source: random.Random) -> object:
    if isinstance(value, list):
        return [_shuffled(item, source) for item in value]
    if isinstance(value, dict):
        members = list(value.items())
        source.shuffle(members)
        return {key: _shuffled(item, source) for key, item in members}
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [("256004.0", 256004), ("1e3", 1000), ("-2.0", -2), ("0.0", 0), ("1.5", 1.5), ("1e300", 1e300), ("5e-324", 5e-324)],
)
def test_a_number_that_is_whole_is_an_integer(text: str, expected: float) -> None:
    number = parse_json(f"[{text}]")[0]

    assert number == expected
    assert type(number) is type(expected)


def test_minus_zero_stays_minus_zero() -> None:
    assert str(parse_json("-0.0")) == "-0.0"


@pytest.mark.parametrize("size", [0, 1, 1000, PART_SIZE])
@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_the_signed_text_in_parts_is_that_of_the_whole(count: int, size: int) -> None:
    records = [{"id": f"{number}", "text": "gr\u00fc\u00dfe" + size * "x"} for number in range(count)]
    data = sorted(records, key=lambda record: record["id"])
    whole = SIGNATURE_PREFIX + canonical_json({"data": data, "last_modified": "7"}).encode("ascii")
    parts = list(signed_parts(data, 7))

    assert b"".join(parts) == signed_text(records, 7) == whole
    assert max(map(len, parts)) <= PART_SIZE + size + 100  # few records, or a large one
    assert len(parts) >= count * size // PART_SIZE
