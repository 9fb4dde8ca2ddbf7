from __future__ import annotations

import json
import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.engine.tensor import Tensor
from modelden.engine.values import decode_reply, encode_call
from modelden.errors import InputError
from tests.unit.strategies import JSON

ANY_NUMBER = st.integers() | st.floats()


def round_trip(value: Any) -> Any:
    """Out to the worker and back: both sides have the same tags (``web/worker/values.ts``)."""
    return decode_reply(encode_call([value], {}), [])["args"][0]


@given(JSON)
def test_plain_data_comes_back_as_it_went(value: Any) -> None:
    assert repr(round_trip(value)) == repr(value)


@given(ANY_NUMBER)
def test_every_number_comes_back_as_it_went(number: float) -> None:
    back = round_trip(number)

    assert type(back) is type(number)
    assert back == number or (math.isnan(back) and math.isnan(number))
    assert math.copysign(1, back) == math.copysign(1, number) or math.isnan(number)


@given(st.lists(ANY_NUMBER | JSON), st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON))
def test_the_message_is_json_without_extensions(args: list[Any], options: dict[str, Any]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    message = json.loads(encode_call(args, options), parse_constant=refuse)

    assert list(message) == ["args", "options"]
    assert len(message["args"]) == len(args)
    assert set(message["options"]) == set(options)


def test_a_call_is_what_the_protocol_says() -> None:
    text = encode_call((["a cat"], 2**53 + 1, float("-inf")), {"pooling": "mean", "normalize": True, "x": None})

    assert json.loads(text) == {
        "args": [["a cat"], {"$bigint": "9007199254740993"}, {"$number": "-Infinity"}],
        "options": {"pooling": "mean", "normalize": True, "x": None},
    }


def test_tuples_are_lists() -> None:
    assert round_trip((1, (2, 3))) == [1, [2, 3]]


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1, 2}, object(), 1j, {1: "a"}, {None: 1}, [[{"a": {"b": {2}}}]], array("f", [1.0])],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_place_in_a_message_is_named(value: Any) -> None:
    with pytest.raises(InputError, match="An engine takes None, bool, int, float, str, lists and dicts"):
        encode_call([value], {})
    with pytest.raises(InputError):
        encode_call([], {"option": value})


def test_tensors_of_a_reply_are_on_its_buffers() -> None:
    memory = array("f", [1.0, 2.0, 3.0, 4.0])
    text = json.dumps(
        {
            "vectors": {"$tensor": 1, "dtype": "float32", "dims": [2, 2]},
            "more": [{"ids": {"$tensor": 0, "dtype": "int64", "dims": [1]}}],
        }
    )
    reply = decode_reply(text, [memoryview(array("q", [7])), memoryview(memory)])
    memory[0] = 9.0

    assert isinstance(reply["vectors"], Tensor)
    assert reply["vectors"].shape == (2, 2)
    assert reply["vectors"].tolist() == [[9.0, 2.0], [3.0, 4.0]]
    assert reply["more"][0]["ids"].tolist() == [7]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"$number": "NaN"}', "nan"),
        ('{"$number": "Infinity"}', "inf"),
        ('{"$number": "-Infinity"}', "-inf"),
        ('{"$number": "-0"}', "-0.0"),
        ('{"$bigint": "-9223372036854775808"}', "-9223372036854775808"),
        ('[{"label": "POSITIVE", "score": 0.5}, null, true]', "[{'label': 'POSITIVE', 'score': 0.5}, None, True]"),
        ('{"$tensor": "no index"}', "{'$tensor': 'no index'}"),
    ],
)
def test_tags_of_a_reply(text: str, value: str) -> None:
    assert repr(decode_reply(text, [])) == value
