"""Progress events as the rows that the page shows. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from modelden import ProgressEvent

TITLES = {
    "syncing_settings": ("settings", "Settings"),
    "choosing_options": ("options", "Options"),
    "loading_runtime": ("runtime", "Runtime"),
    "starting_engine": ("engine", "Engine"),
    "downloading": ("file", ""),
    "loading_from_cache": ("file", ""),
}
"""Kind and title of a row, by the type of its events. A file's name says enough."""


@dataclass(slots=True)
class Row:
    """One step; the fields are those of ``Step`` in ``protocol.js``."""

    id: str
    kind: str
    title: str
    detail: str
    state: str = "running"
    kept: bool = False
    loaded: int | None = None
    total: int | None = None
    ms: float | None = None
    downloaded: int = 0


class Steps:
    """Collects what comes in pieces: times, bytes of each file and bytes of the whole visit."""

    def __init__(self, post: Callable[..., object]) -> None:
        """Post each row, again and again as it changes, by ``post("step", **row)``."""
        self._post = post
        self._rows: dict[str, tuple[Row, float]] = {}
        self._downloaded = 0

    def show(self, event: ProgressEvent) -> None:
        """Take an event: a `modelden.create_engine` callback."""
        key = f"{event.type} {event.id}"
        if event.status_text == "initiate":
            kind, title = TITLES[event.type]
            self._rows[key] = Row(key, kind, title, _detail(event)), time.perf_counter()
        row, started = self._rows[key]
        if event.current_loaded is not None:
            self._downloaded += event.current_loaded
            row.loaded, row.total = event.total_loaded, event.total
        if event.status_text == "done":
            row.state = "done" if event.ok else "failed"
            row.kept = event.type == "loading_from_cache" or (event.type == "loading_runtime" and row.loaded is None)
            row.ms = (time.perf_counter() - started) * 1000
        row.downloaded = self._downloaded
        self._post("step", **asdict(row))


def _detail(event: ProgressEvent) -> str:
    match event.metadata:
        case {"file": str(file)}:
            return file
        case {"model_id": str(model), "model_revision": str(revision), "dtype": str(dtype)}:
            return f"{model} {revision}, {dtype}"
    return event.id.rpartition("/")[2]
