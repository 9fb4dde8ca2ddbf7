"""The machine's clock, as `ports.Clock` and as plain milliseconds for the timestamps of collections."""

from __future__ import annotations

import asyncio
import time


def milliseconds() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """`ports.Clock` on CPython."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return milliseconds()

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task."""
        await asyncio.sleep(seconds)
