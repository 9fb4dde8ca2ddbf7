"""The progress of one operation, shown in one line that a host updates in place."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from modelden.core.events import (
    CHOOSING_OPTIONS,
    DOWNLOADING,
    IMPORTING,
    LOADING_FROM_CACHE,
    LOADING_RUNTIME,
    STARTING_ENGINE,
    SYNCING_SETTINGS,
    ProgressCallback,
    ProgressEvent,
)
from modelden.core.multi_progress_aggregator import MultiProgressAggregator
from modelden.display.progress_line import ProgressState

logger = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds between two updates. Events come with each chunk."""

_TYPES = (
    *(SYNCING_SETTINGS, CHOOSING_OPTIONS, LOADING_RUNTIME, STARTING_ENGINE, DOWNLOADING, LOADING_FROM_CACHE),
    IMPORTING,
)


class ProgressHost(Protocol):
    """A place that shows one line."""

    def show(self, state: ProgressState) -> None:
        """Show the state, in place of the one before. The last state `is_done`."""


class ProgressDisplay:
    """A context that shows the events of its callback. A host that fails is logged once and not used again."""

    def __init__(
        self,
        host: ProgressHost,
        on_progress: ProgressCallback | None,
        *,
        delay: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a display.

        Args:
            host: The place.
            on_progress: Called with each event, too.
            delay: Seconds before it is shown. An operation that ends earlier shows nothing.
            clock: Seconds of a monotonic clock.
        """
        self._host: ProgressHost | None = host
        self._on_progress = on_progress
        self._delay = delay
        self._clock = clock
        self._state = ProgressState()
        self._aggregator = MultiProgressAggregator(self._update, _TYPES)
        self._start = 0.0
        self._shown: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> ProgressCallback:
        """Return the callback."""
        self._start = self._clock()
        if self._delay:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._show)
        else:
            self._show()
        return self._receive

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the end."""
        if self._timer is not None:
            self._timer.cancel()
        self._state.is_done, self._state.is_failed = True, kind is not None
        if kind is None:
            self._state.fraction = 1.0
        if self._shown is not None:
            self._show()

    def _receive(self, event: ProgressEvent) -> None:
        self._aggregator(event)
        if self._on_progress is not None:
            self._on_progress(event)

    def _update(self, event: ProgressEvent) -> None:
        now = self._clock()
        self._state.update(event, now)
        is_due = now - self._start >= self._delay if self._shown is None else now - self._shown >= INTERVAL
        if is_due and not self._state.is_done:  # a task in the background may report later
            self._show()

    def _show(self) -> None:
        self._shown = self._clock()
        if self._host is None:
            return
        try:
            self._host.show(self._state)
        except Exception:
            logger.exception("The progress cannot be shown in %s", type(self._host).__name__)
            self._host = None
