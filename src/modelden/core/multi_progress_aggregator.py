"""Sums of progress events over all files, for a progress bar. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from modelden.core.argument_checks import check_text_list
from modelden.core.arguments import check_function
from modelden.core.events import (
    DONE,
    DOWNLOADING,
    IMPORTING,
    IN_PROGRESS,
    INITIATE,
    LOADING_FROM_CACHE,
    LOADING_RUNTIME,
    PLANNING,
    SIZE_ESTIMATE,
    STARTING_ENGINE,
    ProgressCallback,
    ProgressEvent,
)
from modelden.core.overall_progress import OverallProgress


class MultiProgressAggregator:
    """A `ProgressCallback` that passes each event on with the sums over all files in place of its own figures.

    ``create_engine(..., on_progress=MultiProgressAggregator(show_bar))``. The metadata have the event itself and three
    members more. ``total_objects_seen`` is the number of files that were started or read. ``fraction`` is for a bar:
    one figure over runtime and model, whatever types are watched. It rises from 0 to 1 and never falls. It is 1 with
    the last event only, when the engine is ready (without an engine: when no operation is under way). ``is_estimate``
    is True while the size of the weights is unknown: then ``fraction`` is at most 0.1, and a bar is better shown
    without a figure. Where the sizes are promised, they are known from the first event on (``planning``).
    """

    __module__ = "modelden"

    def __init__(
        self, callback: ProgressCallback, watched_types: Iterable[str] = (DOWNLOADING, LOADING_RUNTIME, IMPORTING)
    ) -> None:
        """Create an aggregator.

        Args:
            callback: Receiver of the sums.
            watched_types: Types of events that count. Others are not passed on.
        """
        check_function("callback", callback)
        self._callback = callback
        self._watched = frozenset(check_text_list("watched_types", watched_types))
        self._remaining = 0
        self._seen = 0
        self._was_in_progress = False
        self._expected: dict[str, int] = {}
        self._loaded: dict[str, int] = {}
        self._planned: dict[str, int] = {}
        self._overall = OverallProgress()

    def __call__(self, event: ProgressEvent) -> None:
        """Count an event and pass the sums on."""
        self._overall.update(event)
        if event.type == PLANNING and event.status_text == DONE:
            self._planned = {name: size or 0 for name, size in event.metadata["sizes"].items()}
        if event.type in self._watched:
            self._count(event)
        elif not self._is_milestone(event):
            return
        total, loaded = sum({**self._planned, **self._expected}.values()), sum(self._loaded.values())
        self._callback(
            replace(
                event,
                status_text=self._status(event),
                progress=loaded / total * 100 if total else None,
                total_loaded=loaded,
                total=total or None,
                metadata={
                    **asdict(event),
                    "total_objects_seen": self._seen,
                    "fraction": self._overall.fraction,
                    "is_estimate": self._overall.is_estimate,
                },
            )
        )

    def _is_milestone(self, event: ProgressEvent) -> bool:
        """Return True for the plan, and for the end of what has a plan or an engine, whatever types are watched."""
        is_end = self._overall.fraction == 1 and (event.type == STARTING_ENGINE or bool(self._planned))
        return is_end or (event.type == PLANNING and bool(self._planned))

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
