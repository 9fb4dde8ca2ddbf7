"""Values as they cross to the worker and back: JSON text plus buffers. The other half is ``web/worker/values.ts``.

What JSON cannot say is an object with one tag: ``$tensor``, ``$number`` (NaN, infinities, minus zero), ``$bigint``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.engine.tensor import Tensor
from modelden.errors import InputError


def encode_call(args: Sequence[Any], options: Mapping[str, Any]) -> str:
    """Return the ``run`` message's JSON.

    Args:
        args: Positional arguments of the transformers.js pipeline: plain data.
        options: Its options: plain data.

    Raises:
        InputError: For what has no place in a message.
    """
    return json.dumps({"args": [_plain(arg) for arg in args], "options": _plain(dict(options))}, allow_nan=False)


def decode_reply(text: str, buffers: Sequence[memoryview]) -> Any:
    """Return a reply's value: plain Python data with a `Tensor` for each tensor.

    Args:
        text: The ``reply`` message's JSON.
        buffers: Its buffers.
    """

    def tagged(value: dict[str, Any]) -> Any:
        match value:
            case {"$tensor": int(index), "dtype": str(dtype), "dims": list(dims)}:
                return Tensor(buffers[index], dtype, tuple(dims))
            case {"$number": str(number)}:
                return float(number)
            case {"$bigint": str(digits)}:
                return int(digits)
        return value

    return json.loads(text, object_hook=tagged)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= 2**53 else {"$bigint": str(value)}
        case float():
            return value if math.isfinite(value) else {"$number": _js_number(value)}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
    raise InputError(
        f"An engine takes None, bool, int, float, str, lists and dicts with string keys, not {type(value).__name__}."
    )


def _js_number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
