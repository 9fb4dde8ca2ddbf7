"""The compilation of a WASM file in the page, while the worker that will run it is starting."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import js
from js import Response, WebAssembly
from pyodide.ffi import JsException

from modelden._js.ffi import js_name, js_object

logger = logging.getLogger(__name__)


class CompilingModule:
    """A ``WebAssembly.Module`` under way: browsers compile beside the page's thread, and workers share the result."""

    def __init__(self, js_file: Any) -> None:
        """Begin to read, or to compile, the file.

        Args:
            js_file: The ``Blob`` of the file.
        """
        self._streams = _compiles_whole_file()
        js_promise = _compile_stream(js_file) if self._streams else js_file.arrayBuffer()
        self._compiling = asyncio.ensure_future(self._compile(js_promise))

    async def module(self) -> Any:
        """Return the module, or None if the page cannot compile the file. The worker will fail too, with the reason."""
        return await self._compiling

    async def _compile(self, js_promise: Any) -> Any:
        try:
            result = await js_promise
            return result if self._streams else await WebAssembly.compile(result)
        except JsException as error:
            logger.debug("The page could not compile the runtime: %s: %s", js_name(error), error)
            return None


def _compiles_whole_file() -> bool:
    """Tell Firefox, which compiles the whole file before it runs any of it, for most of a warm visit.

    So it compiles the first parts while it reads the others. Chromium compiles a function when it is first called; at
    the end of a stream it keeps the page busy for 50 to 80 ms, and the module is ready no sooner. No feature tells
    which of the two a browser does.
    """
    return "Firefox/" in str(js.navigator.userAgent)


def _compile_stream(js_file: Any) -> Any:
    headers = js_object(**{"content-type": "application/wasm"})
    return WebAssembly.compileStreaming(Response.new(js_file, js_object(headers=headers)))
