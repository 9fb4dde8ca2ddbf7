"""A WASM file that the page compiles while the worker that will run it is starting."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from js import Response, WebAssembly, navigator
from pyodide.ffi import JsException

from modelden._js.blobs import js_blob
from modelden._js.ffi import js_object
from modelden.ports import Blob

logger = logging.getLogger(__name__)

_COMPILES_ALL = "Firefox/" in str(navigator.userAgent)
"""Firefox compiles the whole file before it runs any of it, for most of a warm visit: so it compiles what has been read
while the rest is read. Chromium compiles a function when it is first called; what it does at the end of a stream keeps
the page busy for 50 to 80 ms, and the module is there no sooner. No feature tells which of the two a browser does."""


class CompilingModule:
    """A ``WebAssembly.Module`` under way: browsers compile beside the page's thread, and workers share the result."""

    def __init__(self, wasm: Blob) -> None:
        """Begin."""
        self._file = js_blob(wasm)
        begun = _streamed(self._file) if _COMPILES_ALL else self._file.arrayBuffer()
        self._compiling = asyncio.ensure_future(_compiled(begun))

    async def module_or_file(self) -> Any:
        """Return the module; the file as a JavaScript ``Blob`` if it is none, whose worker fails with it, and tells."""
        try:
            return await self._compiling
        except JsException as error:
            logger.debug("The page could not compile the runtime: %s", error)
            return self._file


def _streamed(js_file: Any) -> Any:
    headers = js_object(**{"content-type": "application/wasm"})
    return WebAssembly.compileStreaming(Response.new(js_file, js_object(headers=headers)))


async def _compiled(begun: Any) -> Any:
    """Return the module, of bytes that are being read or from a stream that is being compiled."""
    read = await begun
    return read if _COMPILES_ALL else await WebAssembly.compile(read)
