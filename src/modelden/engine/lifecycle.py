"""The life of an engine as a state, without input or output. Pure.

```mermaid
stateDiagram-v2
    [*] --> uninitialized
    uninitialized --> ready: loaded
    uninitialized --> error: failed
    uninitialized --> closed: ended
    ready --> closed: idle for too long, ended
    ready --> crashed: the worker died
    closed --> uninitialized: loading, unless it was ended
    error --> uninitialized: loading
    crashed --> uninitialized: loading
```

Statuses are Firefox's (``MLEngineParent.sys.mjs``, ``MLEngine.engineStatus``). Firefox closes an engine that runs for
longer than its timeout; here the time counts from the end of a run.
"""

from __future__ import annotations

from typing import Literal

from modelden.errors import EngineClosed

Status = Literal["uninitialized", "ready", "error", "closed", "crashed"]
"""Where an engine is in its life."""

UNINITIALIZED: Status = "uninitialized"
READY: Status = "ready"
ERROR: Status = "error"
CLOSED: Status = "closed"
CRASHED: Status = "crashed"


class Lifecycle:
    """The state of one engine. A step that does not fit the state is a mistake of the caller: `RuntimeError`.

    Attributes:
        status: Where it is.
        timeout_ms: Milliseconds without a run after which it is idle; 0 and below for never, as in Firefox.
    """

    def __init__(self, timeout_ms: int) -> None:
        """Nothing is loaded yet."""
        self.status: Status = UNINITIALIZED
        self.timeout_ms = timeout_ms
        self._running = 0
        self._last_used = 0
        self._end: str | None = None

    @property
    def has_ended(self) -> bool:
        """It was ended: it does not come back."""
        return self._end is not None

    def check_not_ended(self) -> None:
        """Return if it may be used, or come back to be used.

        Raises:
            EngineClosed: If it was ended.
        """
        if self._end is not None:
            raise EngineClosed(self._end)

    def loading(self) -> None:
        """Its model is about to be loaded, for the first time or again."""
        self.check_not_ended()
        self._expect(UNINITIALIZED, ERROR, CLOSED, CRASHED)
        self.status = UNINITIALIZED

    def loaded(self, now: int) -> None:
        """The model is there."""
        self._expect(UNINITIALIZED)
        self.status, self._running, self._last_used = READY, 0, now

    def failed(self) -> None:
        """The model could not be loaded."""
        self._expect(UNINITIALIZED)
        self.status = ERROR

    def run_started(self) -> None:
        """A run begins."""
        self._expect(READY)
        self._running += 1

    def run_ended(self, now: int) -> None:
        """A run ended, however it did. One that outlived its model does not count."""
        self._running = max(self._running - 1, 0)
        self._last_used = now

    def crashed(self) -> None:
        """The worker died."""
        self._expect(READY)
        self.status, self._running = CRASHED, 0

    def idled(self) -> None:
        """It was closed because nobody used it; the next run brings it back."""
        self._expect(READY)
        self.status = CLOSED

    def ended(self, reason: str) -> None:
        """It was ended for good, for this reason. Ending twice keeps the first."""
        self.status, self._running = CLOSED, 0
        self._end = self._end or reason

    def idle_in(self, now: int) -> int | None:
        """Return the milliseconds until it will be idle, 0 if it is; None while it cannot be."""
        if self.status != READY or self._running or self.timeout_ms <= 0:
            return None
        return max(self._last_used + self.timeout_ms - now, 0)

    def _expect(self, *statuses: Status) -> None:
        if self.status not in statuses:
            raise RuntimeError(f"this step does not fit an engine that is {self.status}")
