"""A clock that a test sets."""

from __future__ import annotations

import time


class ManualClock:
    def __init__(self) -> None:
        self.milliseconds = time.time_ns() // 1_000_000

    def now(self) -> int:
        return self.milliseconds

    def advance(self, *, hours: float) -> None:
        self.milliseconds += int(hours * 3_600_000)
