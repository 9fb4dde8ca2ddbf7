"""Conversions between Python and JavaScript, and of JavaScript's exceptions.

JavaScript's ``undefined`` is `None`; ``null`` crosses in either direction as JSON only.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Buffer, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from js import JSON, AbortController, Array, Object, Promise, Uint8Array
from pyodide.ffi import JsException, JsProxy, to_js


def js_object(**members: Any) -> Any:
    """Return a plain JavaScript object; a member without a conversion raises ``ConversionError``."""
    return to_js(members, dict_converter=Object.fromEntries, create_pyproxies=False)


def js_json(value: Any) -> Any:
    """Return plain JSON data as JavaScript values, ``null`` included."""
    return JSON.parse(json.dumps(value))


def js_buffers(buffers: Sequence[Any]) -> tuple[Any, Any]:
    """Return the buffers of a message to a worker, and those of them that are transferred.

    Args:
        buffers: Python's buffers, which are copied once and transferred, and objects of the page, which are not.
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
    # A view with an empty dimension cannot be cast. Memory that is made by copying is not filled with zeros before.
    return to_js(view.cast("B")) if view.nbytes else Uint8Array.new(0)


def js_class(value: object) -> str:
    """Return the class name of a JavaScript object of any frame, an empty string for Python's objects."""
    if not isinstance(value, JsProxy):
        return ""
    return str(Object.prototype.toString.call(value))[len("[object ") : -1]


def js_name(error: JsException) -> str:
    """Return the name of a JavaScript error. Its message differs between browsers, its name does not."""
    return str(getattr(error, "name", "unknown"))


@contextmanager
def map_exceptions(to_error: Callable[[JsException], Exception]) -> Iterator[None]:
    """Raise one of modelden's errors in the place of each JavaScript exception in the context.

    Args:
        to_error: Returns the error for an exception, which becomes its cause.
    """
    try:
        yield
    except JsException as error:
        raise to_error(error) from error


class OutOfSpace(Exception):
    """The browser has no space for the data that a call would store."""


async def call_storing(target: Any, method: str, *arguments: Any) -> Any:
    """Call a method that stores data, and return its promise's value.

    Chromium rejects with its class QuotaExceededError, which Pyodide does not take for an error: a promise of Python's
    that is rejected so never ends. Hence JavaScript makes the call and collects its outcome.

    Raises:
        OutOfSpace: If there is not enough space.
        JsException: If the promise is rejected for another reason.
    """
    call = getattr(target, method).bind(target, *arguments)
    js_promises = getattr(Array, "from")(Array.of(None), call)
    js_outcome = (await Promise.allSettled(js_promises))[0]
    if js_outcome.status == "fulfilled":
        return getattr(js_outcome, "value", None)
    if js_outcome.reason.name == "QuotaExceededError":
        raise OutOfSpace
    raise js_outcome.reason


@asynccontextmanager
async def abort_scope() -> AsyncIterator[Any]:
    """Yield an ``AbortSignal`` that is aborted when the scope is left, however it is left."""
    controller = AbortController.new()
    try:
        yield controller.signal
    finally:
        controller.abort()
