"""Progress events and their sums. Pure.

Model files report as in Firefox (``Utils.sys.mjs``, ``ProgressAndStatusCallbackParams``): `INITIATE`, then chunks (the
first is `SIZE_ESTIMATE` and already has bytes, the others are `IN_PROGRESS`), then `DONE`. The steps before and after
them, for which Firefox has no events, report in the same form.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

logger = logging.getLogger(__name__)


# Firefox's ProgressType.
DOWNLOADING = "downloading"
LOADING_FROM_CACHE = "loading_from_cache"
# Ours.
SYNCING_SETTINGS = "syncing_settings"
CHOOSING_OPTIONS = "choosing_options"
LOADING_RUNTIME = "loading_runtime"
STARTING_ENGINE = "starting_engine"
IMPORTING = "importing"
PLANNING = "planning"

# Firefox's ProgressStatusText.
INITIATE = "initiate"
SIZE_ESTIMATE = "size_estimate"
IN_PROGRESS = "in_progress"
DONE = "done"


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One step of an operation.

    Attributes:
        type: The operation: `DOWNLOADING`, `LOADING_FROM_CACHE`, `SYNCING_SETTINGS`, `CHOOSING_OPTIONS`,
            `LOADING_RUNTIME`, `STARTING_ENGINE` or `IMPORTING`. Where a signed manifest has the sizes, one `PLANNING`
            before the first byte has the ``total`` of all downloads, and their ``sizes`` by file id in the metadata.
        status_text: `INITIATE`, `SIZE_ESTIMATE`, `IN_PROGRESS` or `DONE`.
        id: URL of a model file, location of the runtime, or name of a collection or an engine.
        progress: Per cent of ``total``, 0 to 100, if known.
        total_loaded: Bytes loaded so far.
        current_loaded: Bytes of this step.
        total: Bytes in total, if known.
        units: ``bytes``, if the operation has bytes.
        ok: False if it failed.
        metadata: For model files ``model``, ``revision``, ``file``, ``url``, ``taskName``; for options the chosen ones.
    """

    __module__ = "modelden"

    type: str
    status_text: str
    id: str
    progress: float | None = None
    total_loaded: int | None = None
    current_loaded: int | None = None
    total: int | None = None
    units: str | None = None
    ok: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)


ProgressCallback = Callable[[ProgressEvent], object]
"""Callback for events, called in their order, synchronously. An exception that it raises is logged and dropped."""


class Reporter:
    """Reports one operation to a callback. As a context it ends with `DONE`, with ``ok`` False on an error."""

    def __init__(
        self,
        callback: ProgressCallback | None,
        event_type: str,
        event_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Create a reporter.

        Args:
            callback: Receiver of the events, or None.
            event_type: `ProgressEvent.type` of the events.
            event_id: `ProgressEvent.id` of the events.
            metadata: `ProgressEvent.metadata` of the events.
        """
        self._callback = callback
        self._type = event_type
        self._id = event_id
        self._metadata = metadata or {}
        self._loaded = 0

    def __enter__(self) -> Self:
        """Report `INITIATE`."""
        self._report(INITIATE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Report `DONE`."""
        self._report(DONE, ok=kind is None)

    def restart(self) -> None:
        """Count from the first byte again, for another attempt."""
        self._loaded = 0

    def catch_up(self, loaded: int, total: int | None) -> None:
        """Report the bytes up to the ``loaded``-th that were not reported yet."""
        if loaded > self._loaded:
            self.advance(loaded - self._loaded, total)

    def plan(self, total: int) -> None:
        """Report the number of bytes that will be loaded."""
        self._report(SIZE_ESTIMATE, progress=0.0, total_loaded=0, current_loaded=0, total=total, units="bytes")

    def advance(self, size: int, total: int | None) -> None:
        """Report ``size`` more bytes, of ``total`` if that is known."""
        first = self._loaded == 0
        self._loaded += size
        if total is not None:
            # As in Firefox (``readResponseToWriter``): the length on the wire may be that of a compressed file.
            total = max(total, self._loaded)
        self._report(
            SIZE_ESTIMATE if first else IN_PROGRESS,
            progress=100 * self._loaded / total if total else None,
            total_loaded=self._loaded,
            current_loaded=size,
            total=total,
            units="bytes",
        )

    def _report(self, status_text: str, **fields: Any) -> None:
        if self._callback is None:
            return
        event = ProgressEvent(self._type, status_text, self._id, metadata=self._metadata, **fields)
        try:
            self._callback(event)
        except Exception:
            logger.exception("The progress callback failed on %s %s", event.type, event.status_text)


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
