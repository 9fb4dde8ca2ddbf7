"""Conversions at the border. `None` is JavaScript's ``undefined``; ``null`` goes out and comes in through JSON only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from js import JSON, AbortController, Object
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


def js_name(error: JsException) -> str:
    """Return the name of a JavaScript error; texts differ between browsers, names do not."""
    return str(error.name)


@asynccontextmanager
async def abort_scope() -> AsyncIterator[Any]:
    """Give an ``AbortSignal`` that is aborted when the scope is left, however it is left."""
    controller = AbortController.new()
    try:
        yield controller.signal
    finally:
        controller.abort()
