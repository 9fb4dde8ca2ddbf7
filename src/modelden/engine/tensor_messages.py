"""Messages of tensors that have the same types and shapes in each run: their JSON is made and read once. Pure.

A stream of sounds or pictures runs a small model a hundred times a second. The same encoding as that of
`values`, of which it is a part for its speed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from modelden.engine.tensor import FORMATS, Tensor, adopt


class _TensorLayout(NamedTuple):
    name: str
    place: int
    dtype: str
    shape: tuple[int, ...]
    kind: Any
    size: int


class FeedEncoder:
    """Encodes the feeds of one model. It keeps the JSON of the last one."""

    def __init__(self) -> None:
        self._layout: tuple[Any, ...] = ()
        self._text = ""

    def encode(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> tuple[str, list[memoryview]] | None:
        """Return the JSON of an ``infer`` message with one feed, and its buffers; None if it has more than numbers.

        Args:
            outputs: Names of the requested outputs.
            feed: Values by input.
        """
        layout: list[Any] = list(outputs)
        buffers = []
        for name, value in feed.items():
            if type(value) is not Tensor or not isinstance(flat := value.flat, memoryview):
                return None
            layout += name, value.dtype, value.shape
            buffers.append(flat.cast("B"))
        key = (len(outputs), *layout)
        if key != self._layout:
            tags = {
                name: {"$tensor": index, "dtype": value.dtype, "dims": list(value.shape)}
                for index, (name, value) in enumerate(feed.items())
            }
            self._text = json.dumps({"outputs": list(outputs), "feeds": [tags]})
            self._layout = key
        return self._text, buffers


class ResultDecoder:
    """Decodes the results of one model. It keeps what the last JSON said."""

    def __init__(self) -> None:
        self._text = ""
        self._layout: list[_TensorLayout] | None = None

    def decode(self, text: str, buffers: Sequence[memoryview]) -> dict[str, Tensor] | None:
        """Return the outputs of one run by their names; None if they are not all tensors of numbers.

        Args:
            text: The reply's JSON.
            buffers: Its buffers.
        """
        if text != self._text:
            self._text, self._layout = text, _read_layout(text)
        if self._layout is None:
            return None
        outputs = {}
        for name, place, dtype, shape, kind, size in self._layout:
            view = buffers[place]
            flat = view if view.format == kind else view.cast("B").cast(kind)
            if len(flat) != size:
                return None
            outputs[name] = adopt(flat, dtype, shape)
        return outputs


def _read_layout(text: str) -> list[_TensorLayout] | None:
    match json.loads(text):
        case [dict(tags)]:
            layout = [_read_tag(name, tag) for name, tag in tags.items()]
            return None if None in layout else [each for each in layout if each is not None]
    return None


def _read_tag(name: str, tag: Any) -> _TensorLayout | None:
    match tag:
        case {"$tensor": int(index), "dtype": str(dtype), "dims": list(dims)} if dtype in FORMATS:
            return _TensorLayout(name, index, dtype, tuple(dims), FORMATS[dtype], math.prod(dims))
    return None
