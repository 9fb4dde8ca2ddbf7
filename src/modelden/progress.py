"""Progress of everything that takes time, as values. Pure.

Model files report as Firefox's do (``Utils.sys.mjs``, ``ProgressAndStatusCallbackParams``):
`INITIATE`, then chunks (the first is `SIZE_ESTIMATE` and already carries bytes, later ones `IN_PROGRESS`), then `DONE`.
The steps before and after them, of which Firefox says nothing, report in the same shape.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """One step of something that takes time.

    Attributes:
        type: What is going on: `DOWNLOADING`, `LOADING_FROM_CACHE`, `SYNCING_SETTINGS`, `CHOOSING_OPTIONS`,
            `LOADING_RUNTIME`, `STARTING_ENGINE` or `IMPORTING`; `PLANNING` tells once, before the first byte, what will
            be downloaded, where a signed manifest tells sizes: ``total``, and ``sizes`` by file id in the metadata.
        status_text: `INITIATE`, `SIZE_ESTIMATE`, `IN_PROGRESS` or `DONE`.
        id: What it is about: a model file's URL, the runtime's location, a collection's or an engine's name.
        progress: Per cent of ``total``, 0 to 100, when known.
        total_loaded: Bytes so far.
        current_loaded: Bytes of this step.
        total: Bytes in all, when known.
        units: ``bytes`` when there are any.
        ok: False when it failed.
        metadata: For model files ``model``, ``revision``, ``file``, ``url``, ``taskName``; for options the chosen ones.
    """

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
"""Called with each event, in order, synchronously. What it raises is logged and goes no further."""


class Reporter:
    """Reports one thing that takes time to a callback; as a context it ends with `DONE`, ``ok`` False on an error."""

    def __init__(
        self,
        callback: ProgressCallback | None,
        event_type: str,
        event_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Nothing is reported yet.

        Args:
            callback: Where the events go, or None for nowhere.
            event_type: The `ProgressEvent.type` of all of them.
            event_id: The `ProgressEvent.id` of all of them.
            metadata: The `ProgressEvent.metadata` of all of them.
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
        """Count from the first byte again, for another try."""
        self._loaded = 0

    def catch_up(self, loaded: int, total: int | None) -> None:
        """Report the bytes up to the ``loaded``-th, if some of them were not reported yet."""
        if loaded > self._loaded:
            self.advance(loaded - self._loaded, total)

    def plan(self, total: int) -> None:
        """Report how many bytes there will be, and none so far."""
        self._report(SIZE_ESTIMATE, progress=0.0, total_loaded=0, current_loaded=0, total=total, units="bytes")

    def advance(self, size: int, total: int | None) -> None:
        """Report ``size`` more bytes, out of ``total`` when that is known."""
        first = self._loaded == 0
        self._loaded += size
        if total is not None:
            # As Firefox (``readResponseToWriter``): the length on the wire may be that of a compressed file.
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
