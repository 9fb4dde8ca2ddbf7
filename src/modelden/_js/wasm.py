"""A WASM file that the page compiles while the worker that will run it is starting."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from js import WebAssembly
from pyodide.ffi import JsException

from modelden._js.blobs import js_blob
from modelden.ports import Blob

logger = logging.getLogger(__name__)


class CompilingModule:
    """A ``WebAssembly.Module`` under way: browsers compile beside the page's thread, and workers share the result."""

    def __init__(self, wasm: Blob) -> None:
        """Begin."""
        self._file = js_blob(wasm)
        # Not as a stream: that is no sooner, and its end keeps Chromium's page busy for 50 to 80 ms.
        self._reading: asyncio.Future[Any] = self._file.arrayBuffer()
        self._compiling = asyncio.ensure_future(self._compile())

    async def module_or_file(self) -> Any:
        """Return the module; the file as a JavaScript ``Blob`` if it is none, whose worker fails with it, and tells."""
        try:
            return await self._compiling
        except JsException as error:
            logger.debug("The page could not compile the runtime: %s", error)
            return self._file

    async def _compile(self) -> Any:
        return await WebAssembly.compile(await self._reading)
