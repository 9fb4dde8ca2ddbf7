"""Sums of progress events over all files, for a progress bar. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from modelden.core.events import (
    DONE,
    DOWNLOADING,
    IN_PROGRESS,
    INITIATE,
    LOADING_FROM_CACHE,
    PLANNING,
    SIZE_ESTIMATE,
    STARTING_ENGINE,
    ProgressCallback,
    ProgressEvent,
)

_MAX_UNFINISHED = 0.99
"""Largest fraction before the end, when all known bytes are loaded."""


class MultiProgressAggregator:
    """A `ProgressCallback` that passes each event on with the sums over all files in place of its own figures.

    ``create_engine(..., on_progress=MultiProgressAggregator(show_bar))``. The metadata have the event itself and two
    members more. ``total_objects_seen`` is the number of files that were started or read. ``fraction`` is for a bar: it
    rises from 0 to 1 and never falls. It is 1 with the last event only, when the engine is ready (without an engine:
    when no operation is under way). Where a signed manifest has the sizes, all files count from the first event on
    (``planning``). Elsewhere a file counts from its first byte on, so the bar may stand until then.
    """

    __module__ = "modelden"

    def __init__(self, callback: ProgressCallback, watched_types: Iterable[str] = (DOWNLOADING,)) -> None:
        """Create an aggregator.

        Args:
            callback: Receiver of the sums.
            watched_types: Types of events that count. Others are not passed on.
        """
        self._callback = callback
        self._watched = frozenset(watched_types)
        self._remaining = 0
        self._seen = 0
        self._was_in_progress = False
        self._expected: dict[str, int] = {}
        self._loaded: dict[str, int] = {}
        self._planned: dict[str, int] = {}
        self._fraction = 0.0
        self._has_engine = False

    def __call__(self, event: ProgressEvent) -> None:
        """Count an event and pass the sums on."""
        if event.type == STARTING_ENGINE and event.status_text == INITIATE:
            self._has_engine = True
        if event.type == PLANNING and event.status_text == DONE:
            self._planned = dict(event.metadata["sizes"])
        is_ready = event.type == STARTING_ENGINE and event.status_text == DONE and event.ok
        if event.type in self._watched:
            self._count(event)
        elif not is_ready and not (event.type == PLANNING and self._planned):
            return
        total, loaded = sum({**self._planned, **self._expected}.values()), sum(self._loaded.values())
        is_end = is_ready or (not self._has_engine and event.type in self._watched and self._remaining == 0)
        self._advance(loaded / total if total else 0, is_end=is_end)
        self._callback(
            replace(
                event,
                status_text=self._status(event),
                progress=loaded / total * 100 if total else None,
                total_loaded=loaded,
                total=total or None,
                metadata={**asdict(event), "total_objects_seen": self._seen, "fraction": self._fraction},
            )
        )

    def _advance(self, share: float, *, is_end: bool) -> None:
        self._fraction = 1.0 if is_end else max(self._fraction, min(share, _MAX_UNFINISHED))

    def _count(self, event: ProgressEvent) -> None:
        if event.status_text == INITIATE:
            self._remaining += 1
        elif event.status_text == SIZE_ESTIMATE and event.type != LOADING_FROM_CACHE:
            self._seen += 1
            self._expected[event.id], self._loaded[event.id] = event.total or 0, 0
        elif event.status_text == IN_PROGRESS:
            self._was_in_progress = True
        elif event.status_text == DONE:
            self._end(event)
        if event.id in self._expected:
            # After decompression there may be more bytes than the header said.
            loaded = self._loaded[event.id] + (event.current_loaded or 0)
            self._loaded[event.id] = min(loaded, self._expected[event.id])

    def _end(self, event: ProgressEvent) -> None:
        self._remaining -= 1
        if event.type == LOADING_FROM_CACHE:
            self._seen += 1
        elif event.ok and event.id in self._expected:
            self._loaded[event.id] = self._expected[event.id]

    def _status(self, event: ProgressEvent) -> str:
        if event.type == PLANNING:
            return SIZE_ESTIMATE
        if self._remaining == 0:
            return DONE
        return IN_PROGRESS if self._was_in_progress else event.status_text
