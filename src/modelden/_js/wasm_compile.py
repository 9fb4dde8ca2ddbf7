"""The compilation of a WASM file in the page, while the worker that will run it is starting.

The file is hashed at each start, as in Firefox, which checks the stored attachment (``MLEngineParent.sys.mjs``,
``getWasmArrayBuffer``). The browser does so beside its compiler.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from js import Boolean, Response, Uint8Array, WebAssembly, crypto, navigator
from pyodide.ffi import JsException

from modelden._js.blobs import js_blob
from modelden._js.ffi import js_name, js_object
from modelden.errors import EngineError
from modelden.ports import Blob

logger = logging.getLogger(__name__)

_COMPILES_WHOLE_FILE = "Firefox/" in str(navigator.userAgent)
"""Firefox compiles the whole file before it runs any of it, for most of a warm visit: so it compiles the first parts
while it reads the others. Chromium compiles a function when it is first called; at the end of a stream it keeps the
page busy for 50 to 80 ms, and the module is ready no sooner. No feature tells which of the two a browser does."""


HAS_WEBCRYPTO = bool(getattr(crypto, "subtle", None))
"""False in a page without https."""


class CompilingModule:
    """A ``WebAssembly.Module`` under way: browsers compile beside the page's thread, and workers share the result."""

    def __init__(self, wasm: Blob, sha256: str) -> None:
        """Begin to read, or to compile, the file.

        Args:
            wasm: The file.
            sha256: SHA-256 in lower-case hexadecimal.
        """
        self._js_file = js_blob(wasm)
        self._sha256 = sha256
        js_streaming = _compile_stream(self._js_file) if _COMPILES_WHOLE_FILE else None
        if js_streaming:
            js_streaming.catch(Boolean)  # awaited later; any function of JavaScript's own will do
        self._compiling = asyncio.ensure_future(self._compile(self._js_file.arrayBuffer(), js_streaming))

    async def module_or_file(self) -> Any:
        """Return the module, or the file as a JavaScript ``Blob`` if the page cannot compile it.

        The worker will fail with that file, and report the reason.

        Raises:
            EngineError: If the file has another hash.
        """
        return await self._compiling

    async def _compile(self, js_reading: Any, js_streaming: Any) -> Any:
        try:
            js_bytes = await js_reading
            js_compiling = js_streaming or WebAssembly.compile(js_bytes)
            js_compiling.catch(Boolean)  # of a damaged file that is told, whatever its compiler says
            actual = await _sha256(js_bytes) if HAS_WEBCRYPTO else self._sha256  # else hashed when the model is loaded
            if actual != self._sha256:
                raise damaged_runtime(self._sha256, actual)
            return await js_compiling
        except JsException as error:
            logger.debug("The page could not compile the runtime: %s: %s", js_name(error), error)
            return self._js_file


async def _sha256(js_bytes: Any) -> str:
    digest: bytes = Uint8Array.new(await crypto.subtle.digest("SHA-256", js_bytes)).to_bytes()
    return digest.hex()


def damaged_runtime(expected: str, actual: str) -> EngineError:
    """Return the error of a stored WASM file with another hash than it had."""
    return EngineError(f"The stored runtime is damaged: expected SHA-256 {expected}, found {actual}.")


def _compile_stream(js_file: Any) -> Any:
    headers = js_object(**{"content-type": "application/wasm"})
    return WebAssembly.compileStreaming(Response.new(js_file, js_object(headers=headers)))
