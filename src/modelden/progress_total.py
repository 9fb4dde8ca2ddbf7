"""Many files as one figure, as Firefox's ``MultiProgressAggregator`` (``Utils.sys.mjs``). Pure.

Firefox counts a file that failed as loaded, and tells a total of 1 while it knows none; here the failed one counts as
far as it came, and what is not known is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from modelden.progress import (
    DONE,
    DOWNLOADING,
    IN_PROGRESS,
    INITIATE,
    LOADING_FROM_CACHE,
    SIZE_ESTIMATE,
    ProgressCallback,
    ProgressEvent,
)


class MultiProgressAggregator:
    """A `ProgressCallback` that hands on each event with the sums over all files in place of its own figures.

    ``create_engine(..., on_progress=MultiProgressAggregator(show_bar))``. The event itself is in the metadata, with
    ``total_objects_seen``: files that were begun or read.
    """

    def __init__(self, callback: ProgressCallback, watched_types: Iterable[str] = (DOWNLOADING,)) -> None:
        """Nothing was loaded yet.

        Args:
            callback: Told the sums.
            watched_types: Types of events that count; others are not handed on.
        """
        self._callback = callback
        self._watched = frozenset(watched_types)
        self._remaining = 0
        self._seen = 0
        self._was_in_progress = False
        self._expected: dict[str, int] = {}
        self._loaded: dict[str, int] = {}

    def __call__(self, event: ProgressEvent) -> None:
        """Count an event and tell the sums."""
        if event.type not in self._watched:
            return
        self._count(event)
        total, loaded = sum(self._expected.values()), sum(self._loaded.values())
        self._callback(
            replace(
                event,
                status_text=self._status(event),
                progress=loaded / total * 100 if total else None,
                total_loaded=loaded,
                total=total or None,
                metadata={**asdict(event), "total_objects_seen": self._seen},
            )
        )

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
            # After decompression there may be more bytes than were announced.
            loaded = self._loaded[event.id] + (event.current_loaded or 0)
            self._loaded[event.id] = min(loaded, self._expected[event.id])

    def _end(self, event: ProgressEvent) -> None:
        self._remaining -= 1
        if event.type == LOADING_FROM_CACHE:
            self._seen += 1
        elif event.ok and event.id in self._expected:
            self._loaded[event.id] = self._expected[event.id]

    def _status(self, event: ProgressEvent) -> str:
        if self._remaining == 0:
            return DONE
        return IN_PROGRESS if self._was_in_progress else event.status_text
