"""Conversions at the border. `None` is JavaScript's ``undefined``; ``null`` goes out and comes in through JSON only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Buffer, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from js import JSON, AbortController, Array, Object, Promise, Uint8Array
from pyodide.ffi import JsException, JsProxy, to_js

try:
    from pyodide.ffi import JsNull  # Pyodide 0.28 and later; before, null was None
except ImportError:
    JsNull = type(None)


def js_object(**members: Any) -> Any:
    """Return a plain JavaScript object; a member without a conversion raises ``ConversionError``."""
    return to_js(members, dict_converter=Object.fromEntries, create_pyproxies=False)


def js_json(value: Any) -> Any:
    """Return plain JSON data as JavaScript values, ``null`` included."""
    return JSON.parse(json.dumps(value))


def js_buffers(buffers: Sequence[Any]) -> tuple[Any, Any]:
    """Return what a message to a worker carries as bytes, and what of it is handed over.

    Args:
        buffers: Python's buffers, which are copied, once; and the page's own objects, which stay the page's.
    """
    if not buffers:
        return [], None
    js_list, js_transfer = Array.new(), Array.new()
    for buffer in buffers:
        js_buffer = getattr(buffer, "js_blob", buffer)
        if not isinstance(js_buffer, JsProxy):
            js_buffer = js_bytes(buffer)
            js_transfer.push(js_buffer.buffer)
        js_list.push(js_buffer)
    return js_list, js_transfer


def js_bytes(buffer: Buffer) -> Any:
    """Return a copy of contiguous bytes as a Uint8Array."""
    view = memoryview(buffer)
    js_array = Uint8Array.new(view.nbytes)
    if view.nbytes:  # a view with an empty dimension cannot be cast
        js_array.assign(view.cast("B"))
    return js_array


def py_value(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return structured-clone data as plain Python data, without ``JsNull`` or proxies.

    Args:
        value: What IndexedDB gave.
        convert: Called with each JavaScript object that has no Python form, such as a ``Blob``.
    """
    if isinstance(value, JsProxy):
        value = value.to_py(default_converter=lambda item, _convert, _cache: convert(item))
    return _without_null(value)


def _without_null(value: Any) -> Any:
    if isinstance(value, JsNull):
        return None
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items()}
    return value


def js_kind(value: object) -> str:
    """Return what an object of JavaScript's calls itself, whichever frame made it; empty for Python's own."""
    if not isinstance(value, JsProxy):
        return ""
    return str(Object.prototype.toString.call(value))[len("[object ") : -1]


def js_name(error: JsException) -> str:
    """Return the name of a JavaScript error; texts differ between browsers, names do not."""
    return str(error.name)


class QuotaRefused(Exception):
    """The browser has no room for what a call would store."""


async def fulfilled(target: Any, method: str, *arguments: Any) -> Any:
    """Call a method that stores something, and return what its promise is fulfilled with.

    Chromium rejects with its class QuotaExceededError, which Pyodide does not take for an error: such a promise, once
    Python has it, is waited for without end. So JavaScript makes the call, and tells how it ended.

    Raises:
        QuotaRefused: If there is no room.
        JsException: If the promise is rejected for another reason.
    """
    call = getattr(target, method).bind(target, *arguments)
    js_promises = getattr(Array, "from")(Array.of(None), call)
    js_outcome = (await Promise.allSettled(js_promises))[0]
    if js_outcome.status == "fulfilled":
        return getattr(js_outcome, "value", None)
    if js_outcome.reason.name == "QuotaExceededError":
        raise QuotaRefused
    raise js_outcome.reason


@asynccontextmanager
async def abort_scope() -> AsyncIterator[Any]:
    """Give an ``AbortSignal`` that is aborted when the scope is left, however it is left."""
    controller = AbortController.new()
    try:
        yield controller.signal
    finally:
        controller.abort()
