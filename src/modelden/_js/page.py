"""`ports.Page`: the window or worker that Python runs in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy

import modelden
from modelden._js.ffi import QuotaRefused, fulfilled, js_object

logger = logging.getLogger(__name__)

_PLATFORMS = {"Win": "WINNT", "Mac": "Darwin", "Linux": "Linux", "Android": "Android"}
"""Firefox's names of operating systems (``Services.appinfo.OS``) by what user agents say; the last that fits counts."""


class JsPage:
    """The window or worker."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self._listener: Any = None

    def environment(self) -> Mapping[str, Any]:
        """Return what filter expressions may know, in Firefox's names (``ClientEnvironment.sys.mjs``)."""
        agent = str(js.navigator.userAgent)
        system = [name for word, name in _PLATFORMS.items() if word in agent]
        name = system[-1] if system else ""
        return {
            "version": modelden.__version__,
            "channel": "release",
            "locale": str(js.navigator.language),
            "formFactor": "phone" if "Mobi" in agent else "desktop",
            "os": {
                "isWindows": name == "WINNT",
                "isMac": name == "Darwin",
                "isLinux": name == "Linux",
                "isAndroid": name == "Android",
            },
            "appinfo": {"ID": "modelden", "OS": name, "version": modelden.__version__},
        }

    async def storage_estimate(self) -> tuple[int | None, int | None, bool | None]:
        """Return bytes used by this origin, bytes it may use, and whether the browser promised to keep them."""
        manager = getattr(js.navigator, "storage", None)
        if not manager:  # an insecure context
            return None, None, None
        try:
            estimate = await manager.estimate()
            return int(estimate.usage), int(estimate.quota), bool(await manager.persisted())
        except JsException:  # a sandboxed frame
            return None, None, None

    async def gpu_unavailable_reason(self) -> str | None:
        """Ask for an adapter: there are browsers with WebGPU on machines that have none."""
        gpu = getattr(js.navigator, "gpu", None)
        if not gpu:
            return "this browser has no WebGPU here"
        try:
            adapter = await gpu.requestAdapter()
        except JsException:
            adapter = None
        return None if adapter else "WebGPU finds no adapter on this machine"

    async def can_store(self, size: int) -> bool:
        """Ask for so many bytes in a file of this origin, and give them back; it takes Chromium 2 to 4 ms.

        Chromium tells every page the same quota (10 GiB), so that no device is recognised by it. The real one shows
        when something is stored, or when a file is made longer: that writes nothing, but is refused alike. The others
        tell the truth, and Firefox would need 100 ms for this.
        """
        manager = getattr(js.navigator, "storage", None)
        try:
            if not manager or not hasattr(await manager.estimate(), "usageDetails"):  # Chromium alone tells details
                return True
            return await _may_grow(manager, size)
        except JsException as error:  # a sandboxed frame, for example
            logger.debug("It cannot be found out whether there is room: %s", error)
            return True

    def can_persist(self) -> bool:
        """Tell whether the browser can be asked to: workers may look, only pages may ask."""
        return hasattr(getattr(js.navigator, "storage", None), "persist")

    async def persist(self) -> bool | None:
        """Ask the browser to keep what this origin stores."""
        manager = getattr(js.navigator, "storage", None)
        ask = getattr(manager, "persist", None)
        try:
            return bool(await ask()) if ask else None
        except JsException:  # a sandboxed frame
            return None

    def device_memory(self) -> int | None:
        """Return the bytes of memory that the device has; only Chromium tells, and rounds."""
        gibibytes = getattr(js.navigator, "deviceMemory", None)
        return int(gibibytes * 2**30) if gibibytes else None

    def on_visible(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time when the page becomes visible; a worker is never seen."""
        if not hasattr(js, "document"):
            return
        self._listener = create_proxy(lambda _: listener() if js.document.visibilityState == "visible" else None)
        js.document.addEventListener("visibilitychange", self._listener)

    def close(self) -> None:
        """Call no listener any more."""
        if self._listener is not None:
            js.document.removeEventListener("visibilitychange", self._listener)
            self._listener.destroy()
            self._listener = None


async def _may_grow(manager: Any, size: int) -> bool:
    """Make a file so long, and remove it. With no room at all there is not even an empty one."""
    name = f"modelden-{js.crypto.randomUUID()}"
    try:
        folder = await fulfilled(manager, "getDirectory")
        file = await fulfilled(folder, "getFileHandle", name, js_object(create=True))
        try:
            writable = await fulfilled(file, "createWritable")
            try:
                await fulfilled(writable, "truncate", size)
            finally:
                await writable.abort()
        finally:
            await folder.removeEntry(name)
    except QuotaRefused:
        return False
    return True
