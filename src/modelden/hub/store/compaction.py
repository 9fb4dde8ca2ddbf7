"""Complete files become one Blob, in the background: read as an ArrayBuffer, that is up to twice as fast as chunks.

Chunks are what a download has to store, so that a killed page loses little. When no file was asked for during some
seconds, the browser copies a file's chunks into one Blob, which takes their place in one transaction: a reader finds
the chunks or the Blob, and a page that is killed in the middle leaves the chunks. Who has read the chunks keeps them,
as Blobs outlive their rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from modelden.errors import StorageError
from modelden.hub.store.contents import ROWS_LOCK
from modelden.hub.store.partials import FIRST_SIZE, Content, FileKey, delete_chunks, file_id, put_chunk, read_chunks
from modelden.hub.store.quota import StorageQuota
from modelden.hub.store.tab_locks import download_lock
from modelden.ports import Blob, Database, Ports, Put

logger = logging.getLogger(__name__)

QUIET = 5_000
"""Milliseconds since the last file was asked for: the engine that it was for should have started."""

LARGEST = 512 * 1024**2
"""Bytes of a file that is still rewritten: nobody can read the store meanwhile, about half a second here."""


class Compactor:
    """Rewrites the files that a page uses."""

    def __init__(self, database: Database, room: StorageQuota, ports: Ports) -> None:
        """Nothing waits.

        Args:
            database: Where the files are.
            room: Knows whether there is room for a second copy.
            ports: The browser.
        """
        self._database = database
        self._room = room
        self._blobs = ports.blobs
        self._locks = ports.locks
        self._timers = ports.timers
        self._waiting: dict[FileKey, None] = {}
        self._stop_timer: Callable[[], None] = lambda: None
        self._running: asyncio.Future[None] | None = None

    def later(self, key: FileKey, size: int) -> None:
        """Rewrite a file when the page is quiet, if it is kept in several chunks then."""
        if FIRST_SIZE < size <= LARGEST:
            self._waiting[key] = None
            self._wait()

    async def run(self) -> None:
        """Rewrite what waits, unless something is being downloaded, in whatever tab: then it waits on."""
        try:
            if await self._is_busy():
                self._wait()
                return
            while self._waiting:
                key = next(iter(self._waiting))
                del self._waiting[key]
                await self._merge(key)
        except StorageError as error:
            logger.info("Files stay in chunks, and are read a little slower: %s", error)

    def _wait(self) -> None:
        self._stop_timer()
        self._stop_timer = self._timers.call_later(QUIET, self._begin)

    def _begin(self) -> None:
        self._running = asyncio.ensure_future(self.run())

    async def _is_busy(self) -> bool:
        for row in await self._database.get_all("partials"):
            async with self._locks.try_hold(download_lock(row["id"])) as is_free:
                if not is_free:
                    return True
        return False

    async def _merge(self, key: FileKey) -> None:
        file = await self._database.get("files", file_id(key))
        if file is None or file["chunks"] < 2:
            return
        content = Content(file["content"], file["chunks"])
        parts = await read_chunks(self._database, content.id)
        size = sum(part.size for part in parts)
        if len(parts) != content.chunks or not await self._room.has_room(size):
            return
        whole = await self._blobs.compact(parts)
        if whole.size == size:
            await self._replace(content, whole)

    async def _replace(self, content: Content, whole: Blob) -> None:
        async with self._locks.hold(ROWS_LOCK):
            rows = await self._database.get_all("files", index="contentIndex", key=content.id)
            if {row["chunks"] for row in rows} != {content.chunks}:  # deleted, or rewritten by another tab
                return
            _, *others = delete_chunks(content)
            files = [Put("files", {**row, "chunks": 1}) for row in rows]
            await self._database.commit([put_chunk(content, 0, whole), *others, *files])
