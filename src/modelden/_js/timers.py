"""`ports.Timers` over ``setTimeout``, and `ports.Clock`.

A cancelled timer frees its callback at once. Those of Pyodide's event loop keep it until their time has come.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from js import clearTimeout, setTimeout
from pyodide.ffi import JsDoubleProxy, create_proxy

logger = logging.getLogger(__name__)


class JsTimers:
    """The page's timers."""

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` once after a delay; the returned function cancels that, and may be called at any time."""
        return _Timer(milliseconds, callback).cancel


class _Timer:
    """One call of ``setTimeout``; who keeps it after its end keeps none of JavaScript's objects."""

    def __init__(self, milliseconds: int, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._proxy: JsDoubleProxy[Callable[[], None]] | None = create_proxy(self._fire)
        self._id = setTimeout(self._proxy, milliseconds)

    def cancel(self) -> None:
        """Free the callback, if its time has not come; may be called at any time."""
        if self._proxy is not None:
            clearTimeout(self._id)
            self._proxy.destroy()
            self._proxy = None

    def _fire(self) -> None:
        self.cancel()
        try:
            self._callback()
        except Exception:
            logger.exception("A timer's callback failed.")


class JsClock:
    """The browser's clock, which is Pyodide's."""

    def now(self) -> int:
        """Return the milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        await asyncio.sleep(seconds)
