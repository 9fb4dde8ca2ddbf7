from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.settings.json_text import MAX_DEPTH, parse_json
from tests.unit.strategies import JSON


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_python_reads_it(value: object, ascii_only: bool, indent: int | None) -> None:  # noqa: FBT001
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


@pytest.mark.parametrize("text", ["", "NaN", "[Infinity]", '{"x": -Infinity}', "[1,]", "{'a': 1}", "9" * 5000, "\x00"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)
