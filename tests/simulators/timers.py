"""Timers that go off when a test lets time pass."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulators.clock import ManualClock


class ManualTimers:
    """Follows one clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        entry = (self.clock.milliseconds + milliseconds, callback)
        self._waiting.append(entry)

        def stop() -> None:
            if entry in self._waiting:
                self._waiting.remove(entry)

        return stop

    def pass_time(self, milliseconds: int) -> None:
        """Advance the clock, and call what is due on the way, in order."""
        end = self.clock.milliseconds + milliseconds
        while due := [entry for entry in self._waiting if entry[0] <= end]:
            entry = min(due, key=lambda each: each[0])
            self._waiting.remove(entry)
            self.clock.milliseconds = max(self.clock.milliseconds, entry[0])
            entry[1]()
        self.clock.milliseconds = end

    def freeze(self, milliseconds: int) -> None:
        """Advance the clock as over a frozen page: what is due goes off late, all at once."""
        self.clock.milliseconds += milliseconds
        self.pass_time(0)

    @property
    def waiting(self) -> int:
        """The number of timers that have not gone off."""
        return len(self._waiting)
