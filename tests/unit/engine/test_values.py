from __future__ import annotations

import json
import math
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelden.engine.tensor import Tensor
from modelden.engine.values import decode_reply, encode_call, encode_feeds
from modelden.errors import InputError
from tests.unit.strategies import JSON, KEYS

DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64"),
]
ANY_NUMBER = st.integers() | st.floats()


def round_trip(value: Any) -> Any:
    """Out to the worker and back: both sides have the same tags (``web/worker/values.ts``)."""
    return decode_reply(encode_call([value], {})[0], [])["args"][0]


@given(JSON)
def test_plain_data_comes_back_as_it_went(value: Any) -> None:
    assert repr(round_trip(value)) == repr(value)


@given(ANY_NUMBER)
def test_every_number_comes_back_as_it_went(number: float) -> None:
    back = round_trip(number)

    assert type(back) is type(number)
    assert back == number or (math.isnan(back) and math.isnan(number))
    assert math.copysign(1, back) == math.copysign(1, number) or math.isnan(number)


@given(st.lists(ANY_NUMBER | JSON), st.dictionaries(KEYS, JSON))
def test_the_message_is_json_without_extensions(args: list[Any], options: dict[str, Any]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    message = json.loads(encode_call(args, options)[0], parse_constant=refuse)

    assert list(message) == ["args", "options"]
    assert len(message["args"]) == len(args)
    assert set(message["options"]) == set(options)


def test_a_call_is_what_the_protocol_says() -> None:
    text, _ = encode_call((["a cat"], 2**53 + 1, float("-inf")), {"pooling": "mean", "normalize": True, "x": None})

    assert json.loads(text) == {
        "args": [["a cat"], {"$bigint": "9007199254740993"}, {"$number": "-Infinity"}],
        "options": {"pooling": "mean", "normalize": True, "x": None},
    }


def test_tuples_are_lists() -> None:
    assert round_trip((1, (2, 3))) == [1, [2, 3]]


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1, 2}, object(), 1j, {1: "a"}, {None: 1}, [[{"a": {"b": {2}}}]], bytearray(2)],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_place_in_a_message_is_named(value: Any) -> None:
    with pytest.raises(InputError, match="An engine takes None, bool, int, float, str, lists and dicts"):
        encode_call([value], {})
    with pytest.raises(InputError):
        encode_call([], {"option": value})


ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: npst.arrays(np.dtype(dtype), npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
)


@given(ARRAYS.filter(lambda made: made.shape != ()), st.booleans(), st.booleans())
def test_arrays_go_as_they_are(made: np.ndarray[Any, Any], transposed: bool, as_tensor: bool) -> None:  # noqa: FBT001  a parameter of the cases
    given_array = made.T if transposed else made
    value = Tensor(memoryview(given_array.tobytes()), made.dtype.name, given_array.shape) if as_tensor else given_array
    text, buffers = encode_call([value], {"x": value})
    back = decode_reply(text, [memoryview(memoryview(each).tobytes()) for each in buffers])

    assert len(buffers) == 2
    for tensor in (back["args"][0], back["options"]["x"]):
        assert tensor.dtype == made.dtype.name
        assert tensor.shape == given_array.shape
        np.testing.assert_array_equal(np.asarray(tensor), given_array)


def test_a_contiguous_array_is_not_copied() -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    _, (buffer,) = encode_call([numbers], {})

    assert np.shares_memory(np.asarray(buffer), numbers)


def test_numbers_of_numpy_are_numbers() -> None:
    text, buffers = encode_call([np.float32(0.5), np.int64(7), np.bool_(True), np.array(3)], {})  # noqa: FBT003  the default

    assert json.loads(text)["args"] == [0.5, 7, True, 3]
    assert buffers == []


def test_strings_are_a_tensor_of_their_own() -> None:
    values = [np.array([["a", "ß"]]), np.array(["x"], dtype=object), Tensor(["a", "b"], "string", (2, 1))]
    text, buffers = encode_call(values, {})
    first, second, third = decode_reply(text, [])["args"]

    assert buffers == []
    assert (first.tolist(), second.tolist(), third.tolist()) == ([["a", "ß"]], ["x"], [["a"], ["b"]])
    assert np.asarray(third).dtype == object
    with pytest.raises(BufferError):
        memoryview(third)


@pytest.mark.parametrize(
    "value",
    [np.array([1j]), np.array([object()]), np.array([1], dtype=">i4"), np.zeros(2, dtype="i4,f4"), "text", b"bytes"],
    ids=["complex", "objects", "other byte order", "record", "str", "bytes"],
)
def test_what_is_no_tensor_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(InputError):
        encode_feeds([{"x": value}])


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


@pytest.mark.parametrize("text", ["a\0b", "a\ud83d", "\udc00"])
def test_a_string_that_onnxruntime_would_cut_is_refused(text: str) -> None:
    for value in (np.array([text + "x"]), np.array([text], dtype=object), Tensor([text], "string", (1,))):
        with pytest.raises(InputError, match="onnxruntime takes no string"):
            encode_feeds([{"x": value}])


def test_what_contains_itself_is_refused() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises(InputError, match="contains itself"):
        encode_call([cyclic], {})


@pytest.mark.parametrize("tag", ["$tensor", "$strings", "$array", "$image", "$blob", "$sound", "$number", "$bigint"])
def test_a_key_of_the_protocol_is_refused(tag: str) -> None:
    with pytest.raises(InputError, match="is reserved"):
        encode_call([{tag: 0}], {})


def test_an_unaligned_array_works() -> None:
    numbers = np.frombuffer(b"x" + np.arange(6, dtype=np.int64).tobytes(), np.int64, offset=1).reshape(2, 3)
    text, (buffer,) = encode_call([numbers], {})

    assert json.loads(text)["args"] == [{"$tensor": 0, "dtype": "int64", "dims": [2, 3]}]
    assert np.asarray(buffer).tolist() == numbers.tolist()


@pytest.mark.parametrize("dtype", [np.complex64, np.longdouble, "datetime64[s]", ">f4", [("a", "i4")]])
def test_an_array_without_a_tensor_type_is_refused(dtype: Any) -> None:
    with pytest.raises(InputError):
        encode_call([np.zeros(2, dtype)], {})
