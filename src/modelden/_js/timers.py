"""`ports.Timers` over ``setTimeout``, and `ports.Clock`.

A cancelled timer frees its callback at once. Those of Pyodide's event loop keep it until their time has come.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from js import clearTimeout, setTimeout
from pyodide.ffi import create_proxy

logger = logging.getLogger(__name__)


class JsTimers:
    """The page's timers."""

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` once after a delay; the returned function cancels that, and may be called at any time."""
        is_pending = True

        def cancel() -> None:
            nonlocal is_pending
            if is_pending:
                is_pending = False
                clearTimeout(timer)
                proxy.destroy()

        def fire() -> None:
            cancel()
            try:
                callback()
            except Exception:
                logger.exception("A timer's callback failed.")

        proxy = create_proxy(fire)
        timer = setTimeout(proxy, milliseconds)
        return cancel


class JsClock:
    """The browser's clock, which is Pyodide's."""

    def now(self) -> int:
        """Return the milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        await asyncio.sleep(seconds)
