"""The one figure of a progress bar: the share of all bytes, of the runtime and of the model. Pure.

The sizes of a model's files are known in advance only where somebody promised them (`PLANNING`). Elsewhere a file's
size arrives with its first byte, and the weights, which have nearly all bytes, begin last. Until then the figure is an
estimate within the first tenth, so that it never has to fall.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from modelden.core.events import (
    CHOOSING_OPTIONS,
    DONE,
    DOWNLOADING,
    IMPORTING,
    INITIATE,
    LOADING_FROM_CACHE,
    LOADING_RUNTIME,
    PLANNING,
    STARTING_ENGINE,
    ProgressEvent,
)

ESTIMATE_SHARE = 0.1
"""Largest figure while the size of the weights is unknown."""

UNFINISHED_SHARE = 0.99
"""Largest figure before the end, when all known bytes are loaded."""

_TRANSFERS = (DOWNLOADING, LOADING_RUNTIME, IMPORTING)
"""Types of events with bytes."""

_WEIGHTS = (".onnx", ".onnx_data", ".safetensors", ".gguf", ".npy")
"""Ends of the names of files that have most of a model's bytes."""


@dataclass(slots=True)
class Transfer:
    """The bytes of one file.

    Attributes:
        loaded: Bytes so far.
        total: Bytes in total, or None.
        is_open: The file has begun, and has not ended.
        is_failed: The file ended with an error.
    """

    loaded: int = 0
    total: int | None = None
    is_open: bool = True
    is_failed: bool = False


@dataclass(slots=True)
class OverallProgress:
    """Sums the events of one operation: the load of an engine, a session, a prefetch, a snapshot, an import.

    Attributes:
        fraction: The figure, 0 to 1. It never falls, and is 1 with the last event only.
        is_estimate: The size of what is still missing is unknown.
    """

    fraction: float = 0.0
    is_estimate: bool = True
    _transfers: dict[str, Transfer] = field(default_factory=dict)
    _planned: dict[str, int | None] = field(default_factory=dict)
    _expects_engine: bool = False
    _has_weights: bool = False

    @property
    def loaded(self) -> int:
        """Bytes so far."""
        return sum(transfer.loaded for transfer in self._transfers.values())

    @property
    def total(self) -> int:
        """Bytes in total, as far as they are known."""
        planned = sum(size or 0 for name, size in self._planned.items() if name not in self._transfers)
        return planned + sum(max(transfer.total or 0, transfer.loaded) for transfer in self._transfers.values())

    def update(self, event: ProgressEvent) -> None:
        """Count an event."""
        self._expects_engine |= event.type in (CHOOSING_OPTIONS, STARTING_ENGINE)
        if event.type == PLANNING and event.status_text == DONE:
            self._planned.update(event.metadata["sizes"])
        if event.type in _TRANSFERS:
            self._count(event)
        elif event.type == LOADING_FROM_CACHE and event.status_text == DONE:
            self._transfers[event.id] = Transfer(total=0, is_open=False, is_failed=not event.ok)
        self._has_weights |= event.type in (DOWNLOADING, LOADING_FROM_CACHE) and self._is_sized_weights(event)
        self.is_estimate = self._is_unknown()
        self._advance(is_end=self._is_end(event))

    def _count(self, event: ProgressEvent) -> None:
        if event.status_text == INITIATE:
            self._transfers[event.id] = Transfer(total=self._planned.get(event.id))
            return
        transfer = self._transfers.setdefault(event.id, Transfer())
        if event.status_text == DONE:
            transfer.is_open, transfer.is_failed = False, not event.ok
            # A file that failed may be one that the model does without.
            complete = max(transfer.loaded, transfer.total or 0) if event.ok else transfer.loaded
            transfer.loaded = transfer.total = complete
            return
        transfer.total = event.total if event.total is not None else transfer.total
        loaded = event.total_loaded or 0
        # The length on the wire may be that of a compressed file.
        transfer.loaded = loaded if transfer.total is None else min(loaded, transfer.total)

    def _is_sized_weights(self, event: ProgressEvent) -> bool:
        name = str(event.metadata.get("file", event.id)).partition("?")[0]
        has_size = event.total is not None or (event.type == LOADING_FROM_CACHE and event.status_text == DONE)
        return has_size and name.endswith(_WEIGHTS)

    def _is_unknown(self) -> bool:
        if self._planned:
            return any(size is None and name not in self._transfers for name, size in self._planned.items())
        lacks_size = any(transfer.is_open and transfer.total is None for transfer in self._transfers.values())
        return lacks_size or (self._expects_engine and not self._has_weights)

    def _is_end(self, event: ProgressEvent) -> bool:
        if event.type == STARTING_ENGINE:
            return event.status_text == DONE and event.ok
        is_last_of_file = event.type in (*_TRANSFERS, LOADING_FROM_CACHE) and event.status_text == DONE
        if self._expects_engine or not is_last_of_file or not self._planned.keys() <= self._transfers.keys():
            return False
        return not any(transfer.is_open or transfer.is_failed for transfer in self._transfers.values())

    def _advance(self, *, is_end: bool) -> None:
        total = self.total
        share = self.loaded / total if total else 0.0
        limit = ESTIMATE_SHARE if self.is_estimate else UNFINISHED_SHARE
        figure = share * ESTIMATE_SHARE if self.is_estimate else share
        self.fraction = 1.0 if is_end else max(self.fraction, min(figure, limit))
        if is_end:
            self.is_estimate = False
