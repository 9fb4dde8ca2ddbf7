"""The lifecycle of an engine: a state machine without input or output. Pure.

```mermaid
stateDiagram-v2
    [*] --> uninitialized
    uninitialized --> ready: load_succeeded
    uninitialized --> error: load_failed
    uninitialized --> closed: ended
    ready --> closed: closed_as_idle, closed_as_blocked, ended
    ready --> crashed: crashed
    closed --> uninitialized: load_started, unless it was ended
    error --> uninitialized: load_started
    crashed --> uninitialized: load_started
```

Statuses are Firefox's (``MLEngineParent.sys.mjs``, ``MLEngine.engineStatus``). Firefox closes an engine that runs for
longer than its timeout; here the time counts from the end of a run.
"""

from __future__ import annotations

from typing import Literal

from modelden.errors import EngineClosed

Status = Literal["uninitialized", "ready", "error", "closed", "crashed"]
"""A state of an engine."""

UNINITIALIZED: Status = "uninitialized"
READY: Status = "ready"
ERROR: Status = "error"
CLOSED: Status = "closed"
CRASHED: Status = "crashed"


class Lifecycle:
    """The state of one engine. A step that does not fit the state is a mistake of the caller: `RuntimeError`.

    Attributes:
        status: The state.
        timeout_ms: Milliseconds without a run after which it is idle; 0 and below for never, as in Firefox.
    """

    def __init__(self, timeout_ms: int) -> None:
        self.status: Status = UNINITIALIZED
        self.timeout_ms = timeout_ms
        self._runs = 0
        self._last_used = 0
        self._end_reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """True if it was ended: it cannot be loaded again."""
        return self._end_reason is not None

    def check_not_ended(self) -> None:
        """Return if it was not ended.

        Raises:
            EngineClosed: If it was ended.
        """
        if self._end_reason is not None:
            raise EngineClosed(self._end_reason)

    def load_started(self) -> None:
        """Record that its model is about to be loaded, for the first time or again.

        Raises:
            EngineClosed: If it was ended.
        """
        self.check_not_ended()
        self._require(UNINITIALIZED, ERROR, CLOSED, CRASHED)
        self.status = UNINITIALIZED

    def load_succeeded(self, now: int, timeout_ms: int) -> None:
        """Record that its model was loaded, with options that have this timeout."""
        self._require(UNINITIALIZED)
        self.status, self._runs, self._last_used = READY, 0, now
        self.timeout_ms = timeout_ms

    def load_failed(self) -> None:
        """Record that its model could not be loaded."""
        self._require(UNINITIALIZED)
        self.status = ERROR

    def run_started(self) -> None:
        """Record the start of a run."""
        self._require(READY)
        self._runs += 1

    def run_ended(self, now: int) -> None:
        """Record the end of a run, successful or not. A run that outlived its model does not count."""
        self._runs = max(self._runs - 1, 0)
        self._last_used = now

    def crashed(self) -> None:
        """Record that the worker died."""
        self._require(READY)
        self.status, self._runs = CRASHED, 0

    def closed_as_idle(self) -> None:
        """Record that the worker was ended because the engine was idle; the next run loads the model again."""
        self._require(READY)
        self.status = CLOSED

    def closed_as_blocked(self) -> None:
        """Record that the worker was ended because a cancelled run blocked it; the next run loads the model again."""
        self._require(READY)
        self.status, self._runs = CLOSED, 0

    def ended(self, reason: str) -> None:
        """Record that it was ended for good, for this reason. Ending twice keeps the first reason."""
        self.status, self._runs = CLOSED, 0
        self._end_reason = self._end_reason or reason

    def milliseconds_until_idle(self, now: int) -> int | None:
        """Return the milliseconds until it is idle, 0 if it is; None if it cannot be idle."""
        if self.status != READY or self._runs or self.timeout_ms <= 0:
            return None
        return max(self.timeout_ms - abs(now - self._last_used), 0)  # a clock that was set back must not lengthen it

    def _require(self, *statuses: Status) -> None:
        if self.status not in statuses:
            raise RuntimeError(f"this step does not fit an engine that is {self.status}")
