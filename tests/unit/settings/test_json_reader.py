"""JSON in windows is read as JSON at once, and a page has its turn between the windows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.core.event_loop import run
from modelden.settings import json_reader
from modelden.settings.json_reader import MAX_VALUE, parse_in_steps
from modelden.settings.json_text import WINDOW, parse_json
from tests.unit.step_turns import count_turns
from tests.unit.strategies import JSON


@given(
    st.lists(JSON) | st.dictionaries(st.text(), JSON | st.lists(JSON)) | JSON,
    st.integers(1, 200),
    st.sampled_from([None, 1]),
)
def test_it_is_read_as_at_once(value: object, window: int, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reader, "WINDOW", window)
        read = run(parse_in_steps(text))

    assert json.dumps(read) == json.dumps(parse_json(text))


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON), st.integers(1, 50), st.data())
def test_what_is_no_json_is_a_value_error(value: object, window: int, data: st.DataObject) -> None:
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text)))
    odd = (
        text[:at]
        + data.draw(st.sampled_from(["", ",", "]", "}", ":", '"', "NaN", "1e999", "[", "{", "x", "\x00"]))
        + text[at:]
    )
    odd = odd[: data.draw(st.integers(0, len(odd)))]
    try:
        expected = json.dumps(parse_json(odd))
    except ValueError:
        expected = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reader, "WINDOW", window)
        try:
            read = json.dumps(run(parse_in_steps(odd)))
        except ValueError:
            read = None

    assert read == expected


RECORD: dict[str, Any] = {"id": "a", "text": "grüße 😀", "numbers": [1, 2.5, None], "last_modified": 1_700_000_000_000}

LARGE = {
    "many records": json.dumps({"changes": [RECORD] * 30_000, "timestamp": 1}),
    "a list": json.dumps([RECORD] * 30_000),
    "fractions": json.dumps({"metadata": {}, "changes": [{"id": "a", "numbers": [1.5] * 10_000}] * 60}),
    "a list of metadata": json.dumps({"metadata": [{}] * 1_000_000}),
    "spaces": '{"changes": [' + " " * 3_000_000 + "]}",
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_a_page_has_its_turn_between_windows(text: str) -> None:
    value, turns = count_turns(parse_in_steps(text))

    assert value == json.loads(text)
    assert turns >= len(text.replace("  ", "")) // WINDOW


def test_a_small_text_is_read_at_once() -> None:
    assert count_turns(parse_in_steps('{"timestamp": 256004.0}')) == ({"timestamp": 256004}, 0)


@pytest.mark.parametrize(
    "value", [{"id": "x" * MAX_VALUE}, {"id": "a", "numbers": [1.5] * MAX_VALUE}, {str(n): 1 for n in range(200_000)}]
)
def test_a_record_that_would_take_seconds_is_refused(value: object) -> None:
    for text in (json.dumps({"changes": [value]}), json.dumps([value]), json.dumps({"metadata": value})):
        with pytest.raises(ValueError, match=f"no value of {MAX_VALUE} characters at most"):
            run(parse_in_steps(text))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_nesting_is_measured_before_it_is_read(opening: str) -> None:
    for text in (opening * 300_000, '{"changes": [' + opening * 300_000):
        with pytest.raises(ValueError, match="nested deeper than"):
            run(parse_in_steps(text))


@pytest.mark.parametrize("text", ['{"changes":', '{"changes": [1,', "[", '{"a": 1,'])
def test_a_text_that_ends_before_a_value_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"ends where a value begins|found ''"):
        run(parse_in_steps(text + WINDOW * " "))
