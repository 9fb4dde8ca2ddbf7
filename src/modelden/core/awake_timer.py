"""A timer that counts only the time in which its page is awake.

A frozen tab and a sleeping machine stop timers and workers alike, and let timers fire late, before messages that came
meanwhile are delivered (HTML, section "Timers"; Page Lifecycle). So a wait for a worker is cut into steps. A step that
ends late does not count, unless the one before was late too: browsers throttle all timers of a hidden tab.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelden.ports import Clock, Timers

_STEPS = 5
"""Number of steps of a short wait."""

_LONGEST_STEP_MS = 1000
"""Longest step of a long wait, in milliseconds."""

_LATE_MS = 1000
"""Milliseconds after its time from which on a step is late."""

_LAST_TURN_MS = 20
"""Milliseconds between the last step and the end, in which messages that have come are delivered."""


class AwakeTimer:
    """Calls back once, after a time in which the page was awake."""

    def __init__(self, timers: Timers, clock: Clock, seconds: float, on_end: Callable[[], None]) -> None:
        """Start the timer.

        Args:
            timers: The page's timers.
            clock: The page's clock.
            seconds: The time to wait.
            on_end: Called at the end, unless the timer was cancelled.
        """
        self._timers = timers
        self._clock = clock
        self._limit = seconds * 1000
        self._on_end = on_end
        self._awake = 0.0
        self._was_late = False
        self._start_step()

    def restart(self) -> None:
        """Wait for the whole time again, from now on."""
        self._awake = -float(min(max(self._clock.now() - self._step_start, 0), self._step))

    def cancel(self) -> None:
        """Stop the timer; may be called at any time."""
        self._cancel_step()

    def _start_step(self) -> None:
        remaining = self._limit - self._awake
        self._step = max(int(min(remaining, self._limit / _STEPS, _LONGEST_STEP_MS)), 1)
        self._step_start = self._clock.now()
        self._cancel_step = self._timers.call_later(self._step, self._end_step)

    def _end_step(self) -> None:
        elapsed = self._clock.now() - self._step_start
        is_late = elapsed > self._step + _LATE_MS
        if not is_late or self._was_late:
            self._awake += max(elapsed, self._step)
        self._was_late = is_late
        if self._awake < self._limit:
            self._start_step()
        else:
            self._cancel_step = self._timers.call_later(_LAST_TURN_MS, self._end)

    def _end(self) -> None:
        if self._awake < self._limit:  # it was restarted in the last turn
            self._start_step()
        else:
            self._on_end()
