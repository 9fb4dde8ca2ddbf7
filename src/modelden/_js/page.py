"""`ports.Page`: the window or worker that Python runs in."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import js
import pyodide
from pyodide.ffi import JsException, create_proxy

import modelden
from modelden._js.ffi import OutOfSpace, call_storing, js_object, map_exceptions
from modelden.errors import InputError

logger = logging.getLogger(__name__)

_PLATFORMS = {"Win": "WINNT", "Mac": "Darwin", "Linux": "Linux", "Android": "Android"}
"""Firefox's names of operating systems (``Services.appinfo.OS``) by words of user agents; the last match counts."""


_MEMO = "modelden"
"""Key of `JsPage.remember` in ``localStorage``."""


class JsPage:
    """The window or worker."""

    def __init__(self, worker_url: str | None = None) -> None:
        """Create the port.

        Args:
            worker_url: URL of the folder with the workers' scripts; None for the wheel's own.
        """
        self._worker_url = worker_url
        self._listener: Any = None
        self._probing: asyncio.Task[dict[str, str | None]] | None = None

    def environment(self) -> Mapping[str, Any]:
        """Return the browser's part of ``env`` in filter expressions (``ClientEnvironment.sys.mjs``)."""
        agent = str(js.navigator.userAgent)
        system = [name for word, name in _PLATFORMS.items() if word in agent]
        name = system[-1] if system else ""
        return {
            "locale": str(js.navigator.language),
            "formFactor": "phone" if "Mobi" in agent else "desktop",
            "os": {
                "isWindows": name == "WINNT",
                "isMac": name == "Darwin",
                "isLinux": name == "Linux",
                "isAndroid": name == "Android",
            },
            "appinfo": {"OS": name},
        }

    def segment_words(self, language: str, text: str) -> Sequence[str]:
        """Split a text by ``Intl.Segmenter``."""
        with map_exceptions(lambda _: InputError(f"language: expected a BCP 47 tag such as 'en', got {language!r}.")):
            segmenter = js.Intl.Segmenter.new(language, js_object(granularity="word"))
        return [str(segment.segment) for segment in segmenter.segment(text)]

    async def storage_estimate(self) -> tuple[int | None, int | None, bool | None]:
        """Return the bytes used by this origin, its quota in bytes, and whether its storage is persistent."""
        manager = getattr(js.navigator, "storage", None)
        if not manager:  # an insecure context
            return None, None, None
        try:
            estimate = await manager.estimate()
            return int(estimate.usage), int(estimate.quota), bool(await manager.persisted())
        except (AttributeError, JsException):  # an older browser; a sandboxed frame
            return None, None, None

    async def capabilities(self) -> Mapping[str, str | None]:
        """Try each capability, once in a page."""
        from modelden._js.capabilities import probe_capabilities

        if self._probing is None:
            self._probing = asyncio.ensure_future(probe_capabilities(self._worker_url))
        return await asyncio.shield(self._probing)

    async def gpu_unavailable_reason(self) -> str | None:
        """Request an adapter: browsers with WebGPU may run on machines that have none."""
        gpu = getattr(js.navigator, "gpu", None)
        if not gpu:
            return "this browser has no WebGPU here"
        try:
            adapter = await gpu.requestAdapter()
        except JsException:
            adapter = None
        return None if adapter else "WebGPU finds no adapter on this machine"

    async def can_store(self, size: int) -> bool:
        """Extend a file of this origin by ``size`` bytes, and remove it; that takes Chromium 2 to 4 ms.

        Chromium tells every page the same quota (10 GiB), so that no device is recognised by it. It applies the real
        one when data are stored, or when a file is extended: that writes nothing, but is refused alike. Other browsers
        tell the real quota, and Firefox would need 100 ms for this.
        """
        manager = getattr(js.navigator, "storage", None)
        try:
            if not manager or not hasattr(await manager.estimate(), "usageDetails"):  # Chromium alone tells details
                return True
            return await _can_extend(manager, size)
        except (AttributeError, JsException) as error:  # a sandboxed frame, for example
            logger.debug("The browser does not tell whether there is enough space: %s", error)
            return True

    def versions(self) -> Mapping[str, str]:
        """Return the versions that a bug report needs."""
        return {
            "modelden": modelden.__version__,
            "Pyodide": pyodide.__version__,
            "Python": sys.version.partition(" ")[0],
            "browser": str(js.navigator.userAgent),
        }

    def no_threads_reason(self) -> str | None:
        """Return why onnxruntime has one thread: browsers let isolated pages alone share memory among threads."""
        if not getattr(js, "crossOriginIsolated", False):
            return "the page is not cross-origin isolated (headers Cross-Origin-Opener-Policy and -Embedder-Policy)"
        return None if int(js.navigator.hardwareConcurrency) > 1 else "the browser reports one core"

    def can_persist(self) -> bool:
        """Return True in pages: workers may only read whether storage is persistent."""
        return hasattr(getattr(js.navigator, "storage", None), "persist")

    async def persist(self) -> bool | None:
        """Ask the browser for persistent storage."""
        manager = getattr(js.navigator, "storage", None)
        ask = getattr(manager, "persist", None)
        try:
            return bool(await ask()) if ask else None
        except JsException:  # a sandboxed frame
            return None

    def remember(self, text: str) -> None:
        """Store a text in ``localStorage``, which browsers keep when they evict databases; workers have none."""
        try:
            js.localStorage.setItem(_MEMO, text)
        except (AttributeError, JsException) as error:  # a worker; refused like other storage, or full
            logger.debug("What is stored cannot be remembered: %s", error)

    def recall(self) -> str | None:
        """Return the text of `remember`."""
        try:
            text = js.localStorage.getItem(_MEMO)
        except (AttributeError, JsException):
            return None
        return text if isinstance(text, str) else None

    def device_memory(self) -> int | None:
        """Return the device's memory in bytes; only Chromium tells it, rounded."""
        gibibytes = getattr(js.navigator, "deviceMemory", None)
        return int(gibibytes * 2**30) if gibibytes else None

    def on_visible(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time when the page becomes visible; a worker never does."""
        if not hasattr(js, "document"):
            return
        self._listener = create_proxy(lambda _: listener() if js.document.visibilityState == "visible" else None)
        js.document.addEventListener("visibilitychange", self._listener)

    def close(self) -> None:
        """Remove the listener."""
        if self._listener is not None:
            js.document.removeEventListener("visibilitychange", self._listener)
            self._listener.destroy()
            self._listener = None


async def _can_extend(manager: Any, size: int) -> bool:
    """Extend a new file to ``size`` bytes, and remove it. Without any space not even an empty one can be made."""
    name = f"modelden-{js.crypto.randomUUID()}"
    try:
        folder = await call_storing(manager, "getDirectory")
        file = await call_storing(folder, "getFileHandle", name, js_object(create=True))
        try:
            writable = await call_storing(file, "createWritable")
            try:
                await call_storing(writable, "truncate", size)
            finally:
                await _clean_up(writable, "abort")
        finally:
            await _clean_up(folder, "removeEntry", name)
    except OutOfSpace:
        return False
    return True


async def _clean_up(target: Any, method: str, *arguments: Any) -> None:
    """Call a method; its failure does not replace the error that is on its way."""
    try:
        await call_storing(target, method, *arguments)
    except (OutOfSpace, JsException) as error:
        logger.debug("The file that space was tested with may remain: %s", error)
