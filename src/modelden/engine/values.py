"""The encoding of values between page and worker: JSON text plus buffers. ``web/worker/values.ts`` is the other half.

A value that JSON does not have is an object with one tag; ``web/worker/values.ts`` has the table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Buffer, Mapping, Sequence
from typing import Any

from modelden.core.arguments import is_unicode, show
from modelden.engine.media import File, Image, Pixels, Sound
from modelden.engine.tensor import Tensor, contiguous_view, dtype_of
from modelden.errors import InputError

_TAGS = frozenset({"$tensor", "$strings", "$array", "$image", "$blob", "$sound", "$number", "$bigint"})
"""Keys by which ``web/worker/values.ts`` recognizes what JSON does not have."""

_to_json = json.JSONEncoder(allow_nan=False).encode
"""Made once: `json.dumps` makes an encoder for each call with options."""


def encode_call(
    args: Sequence[Any], options: Mapping[str, Any], stream: Mapping[str, bool] | None = None
) -> tuple[str, list[Any]]:
    """Return the ``run`` message's JSON and its buffers.

    Args:
        args: Positional arguments of the pipeline: plain data, tensors, arrays, and the values of `inputs`.
        options: Its options, likewise.
        stream: ``StreamOptions`` of ``web/worker/protocol.ts``, or None for no chunks.

    Raises:
        InputError: For a value that has no encoding.
    """
    encoder = _Encoder()
    try:
        message: dict[str, Any] = {"args": encoder.encode(args), "options": encoder.encode(options)}
        if stream is not None:
            message["stream"] = dict(stream)
        return _to_json(message), encoder.buffers
    except RecursionError as error:
        raise InputError("An argument contains itself, or is nested too deeply.") from error


def encode_feeds(feeds: Sequence[Mapping[str, Any]]) -> tuple[Any, list[Any]]:
    """Return tensors, or lists of tensors, by name, of one or several runs: plain JSON data with tags, and buffers.

    Raises:
        InputError: For a value that is not a tensor.
    """
    encoder = _Encoder()
    encoded = [{name: encoder.tensors(value, name) for name, value in feed.items()} for feed in feeds]
    return encoded, encoder.buffers


def decode_reply(text: str, buffers: Sequence[memoryview]) -> Any:
    """Return a reply's value: plain Python data with a `Tensor` for each tensor, an `Image` for each image.

    Args:
        text: The ``reply`` message's JSON.
        buffers: Its buffers.
    """
    value = json.loads(text)
    return _decoded(value, buffers) if '"$' in text else value


def _decoded(value: Any, buffers: Sequence[memoryview]) -> Any:
    match value:
        case list():
            return [_decoded(item, buffers) for item in value]
        case {"$tensor": int(index), "dtype": str(dtype), "dims": list(dims)}:
            return Tensor(buffers[index], dtype, tuple(dims))
        case {"$strings": list(strings), "dims": list(dims)}:
            return Tensor(strings, "string", tuple(dims))
        case {"$image": int(index), "width": int(width), "height": int(height), "channels": int(channels)}:
            return Image(buffers[index], width, height, channels)
        case {"$number": str(number)}:
            return float(number)
        case {"$bigint": str(digits)}:
            return int(digits)
        case dict():
            return {key: _decoded(item, buffers) for key, item in value.items()}
    return value


class _Encoder:
    def __init__(self) -> None:
        self.buffers: list[Any] = []

    def encode(self, value: Any) -> Any:
        match value:
            case None | bool() | str():
                return value
            case int():
                return int(value) if abs(value) <= 2**53 else {"$bigint": _digits(value)}
            case float():
                return value if math.isfinite(value) else {"$number": _js_number(value)}
            case list() | tuple():
                return [self.encode(item) for item in value]
            case Mapping() if all(isinstance(key, str) for key in value):
                if tag := next((key for key in value if key in _TAGS), None):
                    raise InputError(f"The key {tag} is reserved, and cannot be passed to an engine.")
                return {key: self.encode(item) for key, item in value.items()}
        return self._binary(value)

    def _binary(self, value: Any) -> Any:
        match value:
            case File(data):
                return {"$blob": self._add(data)}
            case Pixels(data, width, height, channels):
                return {"$image": self._add(data), "width": width, "height": height, "channels": channels}
            case Sound(channels, dtype):
                return {"$sound": [self._add(channel) for channel in channels], "dtype": dtype}
        if _is_array(value) and value.shape == ():
            return self.encode(value.item())
        if isinstance(value, Tensor | Buffer) and not isinstance(value, bytes | bytearray | Image):
            return self.tensor(value, "an argument")
        raise InputError(
            "An engine takes None, bool, int, float, str, lists and dicts with string keys, tensors and arrays here, "
            f"not {type(value).__name__}."
        )

    def tensors(self, value: Any, name: str) -> Any:
        """Return the tag of a tensor, or those of a list of tensors."""
        return [self.tensor(item, name) for item in value] if isinstance(value, list) else self.tensor(value, name)

    def tensor(self, value: Any, name: str) -> Any:
        """Return the tag of a `Tensor`, a NumPy array or another buffer of numbers."""
        if isinstance(value, Tensor):
            if isinstance(value.flat, list):
                return {"$strings": [_text(item, name) for item in value.flat], "dims": list(value.shape)}
            return {"$tensor": self._add(value.flat), "dtype": value.dtype, "dims": list(value.shape)}
        if _is_array(value) and value.dtype.kind in "UTO":
            return {"$strings": [_text(item, name) for item in value.ravel().tolist()], "dims": list(value.shape)}
        if not isinstance(value, Buffer) or isinstance(value, bytes | bytearray):
            raise InputError(
                f"{name} has to be a tensor: a NumPy array or a modelden.Tensor, not {type(value).__name__}."
            )
        view = contiguous_view(value, name)
        return {"$tensor": self._add(view), "dtype": dtype_of(view), "dims": _shape(value, view)}

    def _add(self, data: Any) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1


def _is_array(value: Any) -> bool:
    """Recognise a NumPy array or one of its numbers, without NumPy."""
    return hasattr(value, "__array_interface__") and hasattr(value, "dtype")


def _shape(value: Any, view: memoryview) -> list[int]:
    """Return the lengths of an array, of which a view loses those of an empty one."""
    shape: tuple[int, ...] = value.shape if _is_array(value) else view.shape or ()
    return list(shape)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name}: an array of objects has to hold strings, not {type(value).__name__}.")
    if "\0" in value or not is_unicode(value):
        raise InputError(
            f"{name}: onnxruntime takes no string with NUL or half a character (a lone surrogate), as in {show(value)}."
        )
    return value


def _digits(value: int) -> str:
    try:
        return str(int(value))
    except ValueError as error:  # Python's own limit
        raise InputError(f"An integer of {value.bit_length()} bits is too long.") from error


def _js_number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
