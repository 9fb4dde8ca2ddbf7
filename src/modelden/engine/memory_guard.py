"""Guards a page against loads that its browser would not survive: by the size of the weights, and by crash markers.

A load that ends its page (the browser kills it when memory runs out) leaves its crash marker. So does a page that is
closed in the moment of loading. The next load of that model takes one thread, which needs less memory; the one after it
raises `LoadEndedPage` instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from modelden.core.event_loop import BackgroundTasks
from modelden.errors import LoadEndedPage, ModelDenError, NotEnoughMemory
from modelden.ports import Blob, Database, Delete, Presence, Put, Row, Unchanged

logger = logging.getLogger(__name__)

MEMORY_FACTOR = 4
"""Bytes of memory that a page's process takes while it loads a model, by the bytes of its weights.

Measured by ``bench/memory.py``, peaks above that of a tiny model (Chromium, Firefox): 4.0 and 3.0 for MiniLM's 86 MiB,
3.9 and 3.8 for 300 MiB of random weights.
"""

RUNTIME_MEMORY = 150 * 1024 * 1024
"""Bytes of memory that the runtime takes by itself.

The tiny model's peaks were 126 and 196 MiB; the others were within the sum.
"""

WEIGHTS_EXTENSIONS = (".onnx", ".onnx_data")
"""Files with one of these in their names are loaded into memory as a whole."""

_AFTER_CRASH = "the last load of this model ended its page, and one thread takes less memory"

_COMMIT_ATTEMPTS = 10
"""A commit is tried again when another tab has changed the marker in between."""


def is_weights(url: str) -> bool:
    """Tell whether the model file at a URL is loaded into memory as a whole."""
    name = url.partition("?")[0].rpartition("/")[2]
    return any(part in name for part in WEIGHTS_EXTENSIONS)


class CrashMarker(NamedTuple):
    """The row of a model in the store ``loads``: pages that load it now, and how many loads ended their pages.

    Attributes:
        ended: Loads in a row that ended their pages.
        pages: The ids of the pages that load the model, one for each load.
    """

    ended: int = 0
    pages: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: Row | None) -> CrashMarker:
        """Read `to_row`; a row of another form counts as none."""
        match row:
            case {"ended": int(ended), "pages": list(pages)} if all(isinstance(page, str) for page in pages):
                return cls(ended, tuple(pages))
        return cls()

    def to_row(self, key: str) -> Row:
        """Return the stored form."""
        return {"id": key, "ended": self.ended, "pages": list(self.pages)}

    def without_dead_pages(self, dead: frozenset[str]) -> CrashMarker:
        """Count pages that ended while they loaded the model."""
        ended = self.ended + len(dead.intersection(self.pages))
        return CrashMarker(ended, tuple(page for page in self.pages if page not in dead))

    def with_load(self, page: str) -> CrashMarker:
        """Add one load of a page."""
        return self._replace(pages=(*self.pages, page))

    def without_load(self, page: str) -> CrashMarker:
        """Remove one load of a page that survived it. Crashes of earlier loads are forgotten."""
        pages = list(self.pages)
        if page in pages:
            pages.remove(page)
        return CrashMarker(0, tuple(pages))


_MEMORY_SHARE = 0.5
"""Share of the device's memory that a model may take, unless the configuration has a limit."""


def memory_limit(configured: int | None, device: int | None) -> int | None:
    """Return the bytes that a model may take: the configured ones, else a share of the device's memory if known."""
    return configured or (None if device is None else int(device * _MEMORY_SHARE))


class MemoryGuard:
    """Watches over the loads of one page.

    Attributes:
        database: `schema.MODELDEN`.
        presence: Tells which pages live.
        memory: Bytes of memory that a model may take, or None for no limit.
    """

    def __init__(self, database: Database, presence: Presence, memory: int | None) -> None:
        self.database = database
        self.presence = presence
        self.memory = memory

    async def begin_load(self, key: str | None, model: str) -> LoadWatch:
        """Begin to watch over one load.

        Args:
            key: The model's key in the store, or None for a model that has none.
            model: The model's name in messages.

        Raises:
            LoadEndedPage: If the two loads before it ended their pages. The next attempt is allowed again.
        """
        if key is None:
            return LoadWatch(self, None)
        marker, dead = await self._read(key)
        if marker.ended >= 2:
            await self.update(key, lambda stored: stored.without_dead_pages(dead)._replace(ended=0))
            raise LoadEndedPage(model, marker.ended)
        if marker.ended:
            logger.warning("Loading %s ended its page last time; now with one thread.", model)
        return LoadWatch(self, key, dead, follows_crash=bool(marker.ended))

    async def update(self, key: str, change: Callable[[CrashMarker], CrashMarker]) -> None:
        """Change the crash marker of a model, whatever other tabs change at the same time.

        A marker that cannot be stored is no reason not to load a model: that is logged.
        """
        try:
            for _ in range(_COMMIT_ATTEMPTS):
                row = await self.database.get("loads", key)
                marker = change(CrashMarker.from_row(row))
                edit = Delete("loads", key) if marker == CrashMarker() else Put("loads", marker.to_row(key))
                if await self.database.commit([edit], Unchanged("loads", key, row)):
                    return
            logger.warning("The crash marker of %s could not be stored: other tabs kept changing it.", key)
        except ModelDenError as error:
            logger.warning(
                "The crash marker could not be stored: a crash in this load will not be detected next time. %s", error
            )

    async def _read(self, key: str) -> tuple[CrashMarker, frozenset[str]]:
        """Return the crash marker of a model with its dead pages counted, and those pages."""
        try:
            marker = CrashMarker.from_row(await self.database.get("loads", key))
            alive = await self.presence.live_page_ids() if marker.pages else None
        except ModelDenError as error:
            logger.warning("The crash marker could not be read: a crash in the last load is not detected. %s", error)
            return CrashMarker(), frozenset()
        dead = frozenset() if alive is None else frozenset(marker.pages) - alive
        return marker.without_dead_pages(dead), dead


class LoadWatch:
    """Watches over one load.

    Attributes:
        one_thread_reason: Why the load takes one thread; None for the number that its plan has.
    """

    def __init__(
        self, guard: MemoryGuard, key: str | None, dead: frozenset[str] = frozenset(), *, follows_crash: bool = False
    ) -> None:
        """Create a watch.

        Args:
            guard: Stores the crash marker.
            key: The model's key in the store, or None for a model that has none.
            dead: Ids of pages that ended while they loaded this model.
            follows_crash: The last load of this model ended its page.
        """
        self.one_thread_reason = _AFTER_CRASH if follows_crash else None
        self._guard = guard
        self._key = key
        self._dead = dead
        self._sizes: dict[str, int] = {}
        self._tasks = BackgroundTasks()
        self._marking: asyncio.Task[None] | None = None

    def account_expected(self, name: str, size: int) -> None:
        """Account for weights that are about to be downloaded.

        Args:
            name: Their file's URL or path; a file that is loaded again counts once.
            size: Their bytes.

        Raises:
            NotEnoughMemory: If they do not fit into memory.
        """
        self._sizes[name] = size
        required = RUNTIME_MEMORY + int(MEMORY_FACTOR * sum(self._sizes.values()))
        if self._guard.memory is not None and required > self._guard.memory:
            raise NotEnoughMemory(required, self._guard.memory)

    def account_loaded(self, name: str, blob: Blob) -> None:
        """Account for weights that are about to be loaded into memory; errors are those of `account_expected`."""
        self.account_expected(name, blob.size)
        if self._marking is None and self._key is not None:
            # Side by side with the load: by the time it needs memory, the marker is stored.
            self._marking = self._tasks.start(self._mark(self._key), "store the crash marker")

    def end(self) -> None:
        """Remove the crash marker in the background: the page survived the load."""
        if self._marking is not None and self._key is not None:
            self._tasks.start(self._unmark(self._marking, self._key), "remove the crash marker")

    async def _mark(self, key: str) -> None:
        page = self._guard.presence.page_id
        await self._guard.update(key, lambda marker: marker.without_dead_pages(self._dead).with_load(page))

    async def _unmark(self, marking: asyncio.Task[None], key: str) -> None:
        await asyncio.wait([marking])
        page = self._guard.presence.page_id
        await self._guard.update(key, lambda marker: marker.without_load(page))
