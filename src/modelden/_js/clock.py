"""`ports.Clock` in a browser."""

from __future__ import annotations

import asyncio
import time


class JsClock:
    """The browser's clock, which is Pyodide's."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        await asyncio.sleep(seconds)
