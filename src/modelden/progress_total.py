"""Many files as one figure, as Firefox's ``MultiProgressAggregator`` (``Utils.sys.mjs``). Pure.

Its figures are Firefox's: ``progress`` falls when one more file begins. ``fraction``, which Firefox does not have,
never does.
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
    PLANNING,
    SIZE_ESTIMATE,
    STARTING_ENGINE,
    ProgressCallback,
    ProgressEvent,
)

_NEARLY = 0.99
"""The fraction when all known bytes have come, and it is not the end."""


class MultiProgressAggregator:
    """A `ProgressCallback` that hands on each event with the sums over all files in place of its own figures.

    ``create_engine(..., on_progress=MultiProgressAggregator(show_bar))``. The event itself is in the metadata, with
    ``total_objects_seen``: files that were begun or read; and ``fraction``, for a bar: from 0 to 1, it never falls, and
    is 1 with the last event only, when the engine is ready (without an engine: when nothing is under way). Of what is
    to come it knows from the first event on where a signed manifest tells it (`progress.PLANNING`); else a file counts
    from its first byte on, and until then the bar may stand.
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
        self._planned: dict[str, int] = {}
        self._fraction = 0.0
        self._has_engine = False

    def __call__(self, event: ProgressEvent) -> None:
        """Count an event and tell the sums."""
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
        self._fraction = 1.0 if is_end else max(self._fraction, min(share, _NEARLY))

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
        if event.type == PLANNING:
            return SIZE_ESTIMATE
        if self._remaining == 0:
            return DONE
        return IN_PROGRESS if self._was_in_progress else event.status_text
