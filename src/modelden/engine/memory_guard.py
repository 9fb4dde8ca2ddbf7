"""Looks out for loads that a browser would not survive: by the size of the weights, and by what earlier loads left.

A load that ends its page (the browser kills it when memory runs out) leaves a mark; so does a page that is closed in
the very moment of loading. The load after it takes one thread, which needs less memory; the one after that asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelden.errors import LoadEndedPage, NotEnoughMemory, StorageError
from modelden.ports import Blob, Database, Delete, Presence, Put

logger = logging.getLogger(__name__)

FACTOR = 4
"""Bytes that a page's process takes while it loads a model, by the bytes of its weights.

Measured by ``bench/memory.py``, peaks above that of a tiny model (Chromium, Firefox): 4.0 and 3.0 for MiniLM's 86 MiB,
3.9 and 3.8 for 300 MiB of random weights.
"""

RUNTIME = 150 * 1024 * 1024
"""Bytes that the runtime takes by itself. The tiny model's peaks: 126 and 196 MiB; the others were within the sum."""

WEIGHTS = (".onnx", ".onnx_data")
"""Files with these in their names are loaded into memory as a whole."""


def is_weights(url: str) -> bool:
    """Tell whether a file of a model, by its URL, is loaded into memory as a whole."""
    name = url.partition("?")[0].rpartition("/")[2]
    return any(part in name for part in WEIGHTS)


@dataclass(frozen=True, slots=True)
class MemoryGuard:
    """What it needs to look out.

    Attributes:
        database: `history.MODELDEN`.
        presence: Tells which pages live.
        memory: Bytes that a model may take, or None when nobody knows.
    """

    database: Database
    presence: Presence
    memory: int | None

    async def enter(self, key: str | None, model: str) -> LoadWatch:
        """Begin to watch over one load.

        Args:
            key: What it is known by the next time; None for what cannot be known again.
            model: How messages call it.

        Raises:
            LoadEndedPage: If the two loads before it ended their pages. Asked again, it is tried again.
        """
        if key is None:
            return LoadWatch(self, None, careful=False)
        row = await self.database.get("loads", key) or {"id": key, "ended": 0, "pages": []}
        alive = await self.presence.live_page_ids()
        dead = [] if alive is None else [page for page in row["pages"] if page not in alive]
        ended = row["ended"] + len(dead)
        row = {**row, "ended": ended, "pages": [page for page in row["pages"] if page not in dead]}
        if ended >= 2:
            await self.note(Delete("loads", key))
            raise LoadEndedPage(model, ended)
        if ended:
            logger.warning("Loading %s ended its page last time; now with one thread.", model)
        return LoadWatch(self, row, careful=bool(ended))

    async def note(self, change: Put | Delete) -> None:
        """Change a mark; that it cannot be stored is no reason not to load a model."""
        try:
            await self.database.commit([change])
        except StorageError as error:
            logger.warning("Should this load end its page, the next one will not know. %s", error)


class LoadWatch:
    """Over one load.

    Attributes:
        careful: The last load ended its page: choose less.
    """

    def __init__(self, guard: MemoryGuard, row: Mapping[str, Any] | None, *, careful: bool) -> None:
        """Nothing is loaded yet."""
        self.careful = careful
        self._guard = guard
        self._row = row
        self._sizes: dict[str, int] = {}
        self._marking: asyncio.Future[None] | None = None

    def expect(self, name: str, size: int) -> None:
        """Hear that weights of so many bytes are about to come.

        Args:
            name: Their file's URL or path; one that is loaded once more counts once.
            size: Their bytes.

        Raises:
            NotEnoughMemory: If there is no room for them.
        """
        self._sizes[name] = size
        required = RUNTIME + int(FACTOR * sum(self._sizes.values()))
        if self._guard.memory is not None and required > self._guard.memory:
            raise NotEnoughMemory(required, self._guard.memory)

    def admit(self, name: str, blob: Blob) -> None:
        """Hear that weights are about to be loaded into memory; arguments and errors are those of `expect`."""
        self.expect(name, blob.size)
        if self._marking is None and self._row is not None:
            # Side by side with the load: by the time it needs memory, the mark is there.
            row = {**self._row, "pages": [*self._row["pages"], self._guard.presence.page_id]}
            self._marking = asyncio.ensure_future(self._guard.note(Put("loads", row)))

    def leave(self) -> None:
        """The page survived it. Nobody waits until that is stored."""
        if self._marking is not None:
            self._marking = asyncio.ensure_future(self._unmark(self._marking))

    async def _unmark(self, marking: asyncio.Future[None]) -> None:
        await marking
        if self._row is not None:
            await self._guard.note(Delete("loads", self._row["id"]))
