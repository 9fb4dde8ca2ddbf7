"""A WASM file that the page compiles while the worker that will run it is starting."""

from __future__ import annotations

import logging
from typing import Any

from js import Response, WebAssembly
from pyodide.ffi import JsException

from modelden._js.blobs import js_blob
from modelden._js.convert import js_object
from modelden.ports import Blob

logger = logging.getLogger(__name__)


class CompilingModule:
    """A ``WebAssembly.Module`` under way: browsers compile beside the page's thread, and workers share the result."""

    def __init__(self, wasm: Blob) -> None:
        """Begin."""
        self._file = js_blob(wasm)
        headers = js_object(**{"content-type": "application/wasm"})
        self._compiling = WebAssembly.compileStreaming(Response.new(self._file, js_object(headers=headers)))

    async def module_or_file(self) -> Any:
        """Return the module; the file as a JavaScript ``Blob`` if it is none, whose worker fails with it, and tells."""
        try:
            return await self._compiling
        except JsException as error:
            logger.debug("The page could not compile the runtime: %s", error)
            return self._file
