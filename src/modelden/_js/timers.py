"""`ports.Timers` over ``setTimeout``. A timer that is not needed any more frees its callback at once.

Those of Pyodide's event loop keep theirs until the time has come, cancelled or not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from js import clearTimeout, setTimeout
from pyodide.ffi import create_proxy


class JsTimers:
    """The page's timers."""

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` once after so long; the returned function prevents it, and may be called at any time."""
        live = True

        def free() -> None:
            nonlocal live
            if live:
                live = False
                clearTimeout(timer)
                proxy.destroy()

        def fire() -> None:
            free()
            callback()

        proxy = create_proxy(fire)
        timer = setTimeout(proxy, milliseconds)
        return free


class JsClock:
    """The browser's clock, which is Pyodide's."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        await asyncio.sleep(seconds)
