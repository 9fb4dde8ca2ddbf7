"""Messages of tensors are those of `values`, whatever came before."""

from __future__ import annotations

import json
from typing import Any

from modelden.engine.tensor import Tensor
from modelden.engine.tensor_messages import FeedEncoder, ResultDecoder
from modelden.engine.values import encode_feeds

FLOATS: Any = memoryview(bytes(16)).cast("f")


def tensor(*shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(FLOATS, dtype, shape)


def check(encoder: FeedEncoder, outputs: list[str], feed: dict[str, Any]) -> None:
    encoded, buffers = encode_feeds([feed])

    message = encoder.encode(outputs, feed)

    assert message is not None
    text, views = message
    assert json.loads(text) == {"outputs": outputs, "feeds": encoded}
    assert [bytes(view) for view in views] == [bytes(buffer) for buffer in buffers]


def test_each_change_of_a_feed_changes_its_message() -> None:
    encoder = FeedEncoder()

    for _ in range(2):
        check(encoder, ["y"], {"a": tensor(4), "b": tensor(2, 2)})
    check(encoder, ["y"], {"a": tensor(2, 2), "b": tensor(4)})
    check(encoder, ["y"], {"a": tensor(2, 2), "b": tensor(2, dtype="float64")})
    check(encoder, ["y", "z"], {"a": tensor(2, 2), "b": tensor(2, dtype="float64")})
    check(encoder, ["y"], {"z": tensor(2, 2), "b": tensor(2, dtype="float64")})
    check(encoder, ["y"], {"b": tensor(2, dtype="float64"), "z": tensor(2, 2)})
    check(encoder, [], {"empty": Tensor(memoryview(b""), "float32", (0, 3))})
    check(encoder, ["y"], {})


def test_what_is_no_tensor_of_numbers_has_another_message() -> None:
    encoder = FeedEncoder()

    assert encoder.encode(["y"], {"a": tensor(4), "texts": Tensor(["a"], "string", (1,))}) is None
    assert encoder.encode(["y"], {"sequence": [tensor(4)]}) is None
    assert encoder.encode(["y"], {"array": FLOATS}) is None


def reply(**outputs: Any) -> str:
    return json.dumps([outputs])


def test_results_have_the_layout_of_their_own_reply() -> None:
    decoder = ResultDecoder()
    y, halves = ({"$tensor": 0, "dtype": "float32", "dims": [2, 2]}, {"$tensor": 1, "dtype": "float16", "dims": [2]})
    # Half floats cross as whole numbers.
    buffers: list[Any] = [memoryview(bytes(range(16))).cast("f"), memoryview(b"\0\x3c\0\x40").cast("H")]

    for _ in range(2):
        results = decoder.decode(reply(y=y, h=halves), buffers)
        assert results is not None
        assert [each.shape for each in results.values()] == [(2, 2), (2,)]
        assert bytes(results["y"]) == bytes(range(16))
        assert results["h"].tolist() == [1.0, 2.0]
    swapped = decoder.decode(reply(y={**y, "dims": [4, 1]}), buffers[:1])
    assert swapped is not None
    assert swapped["y"].shape == (4, 1)


def test_what_it_does_not_know_is_left_to_others() -> None:
    decoder = ResultDecoder()
    y = {"$tensor": 0, "dtype": "float32", "dims": [4]}

    assert decoder.decode(reply(y=y, texts={"$strings": ["a"], "dims": [1]}), [FLOATS]) is None
    assert decoder.decode(reply(y=None), []) is None
    assert decoder.decode(json.dumps([{"y": y}, {"y": y}]), [FLOATS]) is None
    assert decoder.decode(reply(y={**y, "dims": [5]}), [FLOATS]) is None
