"""A clock that a test sets."""

from __future__ import annotations

import asyncio
import time


class ManualClock:
    def __init__(self) -> None:
        self.milliseconds = time.time_ns() // 1_000_000
        self.slept: list[float] = []

    def now(self) -> int:
        return self.milliseconds

    def advance(self, *, hours: float) -> None:
        self.milliseconds += int(hours * 3_600_000)

    async def sleep(self, seconds: float) -> None:
        """Time passes at once; others have their turn."""
        self.slept.append(seconds)
        self.milliseconds += round(seconds * 1000)
        await asyncio.sleep(0)
