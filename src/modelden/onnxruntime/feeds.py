"""Feeds as callers give them. Apart from `inference_session` for its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelden.core.arguments import show
from modelden.engine.onnx_errors import InvalidType
from modelden.onnxruntime.ort_value import OrtValue


def to_tensors(feed: Any) -> Any:
    """Return a feed with the tensors of its `OrtValue`."""
    if not isinstance(feed, Mapping):
        return feed
    return {name: value.tensor if isinstance(value, OrtValue) else value for name, value in feed.items()}


def check_feeds(feeds: Any) -> Sequence[Any]:
    """Return several feeds.

    Raises:
        InputError: If they are no list.
    """
    if not isinstance(feeds, list | tuple):
        raise InvalidType(f"feeds: expected a list of feeds, got {show(feeds)}.")
    return feeds


def check_values(values: Any) -> Mapping[str, OrtValue]:
    """Return a feed of `OrtValue`.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(values, Mapping) or not all(isinstance(value, OrtValue) for value in values.values()):
        raise InvalidType(f"input_dict_ort_values: expected OrtValue by the names of inputs, got {show(values)}.")
    return values
