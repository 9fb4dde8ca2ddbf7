"""A feed that is like the last one is taken as it is; every other one is checked."""

from __future__ import annotations

from typing import Any

import pytest

from modelden.engine.onnx import NodeArg
from modelden.engine.onnx_feed import FeedSignature
from modelden.engine.tensor import Tensor
from modelden.errors import ModelDenError

INPUTS = [NodeArg("x", "tensor(float)", ["n", 2]), NodeArg("state", "tensor(float)", [2])]


def tensor(*shape: int) -> Tensor:
    return Tensor(memoryview(bytes(8)), "float32", shape)


def test_feeds_of_tensors_are_taken_as_they_are() -> None:
    signature = FeedSignature(INPUTS)

    for shape in ((1, 2), (1, 2), (2, 2), (1, 2)):
        feed = {"x": Tensor(memoryview(bytes(8 * shape[0])), "float32", shape), "state": tensor(2)}
        prepared = signature.prepare(feed)
        assert [prepared[name] is value for name, value in feed.items()] == [True, True]
        assert prepared is not feed


@pytest.mark.parametrize(
    "feed",
    [
        {"x": Tensor(memoryview(bytes(12)), "float32", (1, 3)), "state": tensor(2)},
        {"x": Tensor(memoryview(bytes(16)), "float64", (1, 2)), "state": tensor(2)},
        {"x": tensor(1, 2), "state": tensor(2), "more": tensor(2)},
        {"x": tensor(1, 2), "other": tensor(2)},
        {"x": tensor(1, 2)},
        {"x": tensor(1, 2), "state": None},
        {"x": tensor(1, 2), "state": "text"},
    ],
    ids=["shape", "type", "more", "another name", "less", "none", "text"],
)
def test_another_one_is_refused_after_a_good_one(feed: dict[str, Any]) -> None:
    signature = FeedSignature(INPUTS)
    signature.prepare({"x": tensor(1, 2), "state": tensor(2)})

    with pytest.raises(ModelDenError):
        signature.prepare(feed)


def test_lists_are_converted_after_tensors() -> None:
    signature = FeedSignature(INPUTS)
    signature.prepare({"x": tensor(1, 2), "state": tensor(2)})

    prepared = signature.prepare({"x": [[1.0, 2.0]], "state": tensor(2)})

    assert prepared["x"].tolist() == [[1.0, 2.0]]
