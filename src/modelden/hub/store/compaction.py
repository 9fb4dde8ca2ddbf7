"""Compaction: in the background, the chunks of a complete file become one Blob.

Read as an ArrayBuffer, one Blob is up to twice as fast as chunks. A download stores chunks, so that a killed page loses
little. When no file was requested for some seconds, the browser copies the chunks into one Blob, which replaces them in
one transaction: a reader finds the chunks or the Blob, and a page killed in between leaves the chunks. A reader with
the chunks keeps them, since Blobs outlive their rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from modelden.core.event_loop import BackgroundTasks
from modelden.errors import StorageError
from modelden.hub.store.contents import FIRST_SIZE, Content, delete_chunks, put_chunk, read_chunks
from modelden.hub.store.partials import download_lock
from modelden.hub.store.quota import StorageQuota
from modelden.hub.store.records import FileKey
from modelden.hub.store.schema import ROWS_LOCK
from modelden.ports import Blob, Database, Ports, Put

logger = logging.getLogger(__name__)

IDLE_TIME = 5_000
"""Milliseconds since the last request for a file: the engine that wanted it should have started."""

MAX_SIZE = 512 * 1024**2
"""Size in bytes up to which files are compacted. Nobody can read the store meanwhile: about half a second here."""


class Compactor:
    """Compacts the files that a page uses."""

    def __init__(self, database: Database, quota: StorageQuota, ports: Ports) -> None:
        """Create a compactor.

        Args:
            database: Database of the files.
            quota: Tells if there is space for a second copy.
            ports: The browser.
        """
        self._database = database
        self._quota = quota
        self._blobs = ports.blobs
        self._locks = ports.locks
        self._timers = ports.timers
        self._queue: dict[FileKey, None] = {}
        self._stop_timer: Callable[[], None] = lambda: None
        self._tasks = BackgroundTasks()
        self._is_closed = False

    def schedule(self, key: FileKey, size: int) -> None:
        """Compact a file of several chunks when the page is idle."""
        if FIRST_SIZE < size <= MAX_SIZE:
            self._queue[key] = None
            self._restart_timer()

    async def run(self) -> None:
        """Compact the files of the queue, unless a tab downloads: then they stay in the queue."""
        try:
            if await self._is_downloading():
                self._restart_timer()
                return
            while self._queue:
                key = next(iter(self._queue))
                del self._queue[key]
                await self._compact(key)
        except StorageError as error:
            logger.info("Files stay in chunks, and are read a little slower: %s", error)

    def close(self) -> None:
        """Stop for good. Chunks stay chunks."""
        self._is_closed = True
        self._stop_timer()
        self._tasks.cancel()

    def _restart_timer(self) -> None:
        self._stop_timer()
        if not self._is_closed:
            self._stop_timer = self._timers.call_later(IDLE_TIME, self._start)

    def _start(self) -> None:
        self._tasks.start(self.run(), "compact stored files")

    async def _is_downloading(self) -> bool:
        for row in await self._database.get_all("partials"):
            async with self._locks.try_hold(download_lock(row["id"])) as is_free:
                if not is_free:
                    return True
        return False

    async def _compact(self, key: FileKey) -> None:
        file = await self._database.get("files", key.id)
        if file is None or file["chunks"] < 2:
            return
        content = Content(file["content"], file["chunks"])
        chunks = await read_chunks(self._database, content.id)
        size = sum(chunk.size for chunk in chunks)
        if len(chunks) != content.chunks or not await self._quota.has_space(size):
            return
        blob = await self._blobs.compact(chunks)
        if blob.size == size:
            await self._replace(content, blob)

    async def _replace(self, content: Content, blob: Blob) -> None:
        async with self._locks.hold(ROWS_LOCK):
            rows = await self._database.get_all("files", index="contentIndex", key=content.id)
            if {row["chunks"] for row in rows} != {content.chunks}:  # deleted, or compacted by another tab
                return
            _, *others = delete_chunks(content)
            files = [Put("files", {**row, "chunks": 1}) for row in rows]
            await self._database.commit([put_chunk(content, 0, blob), *others, *files])
