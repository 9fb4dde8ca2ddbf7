"""Interrupted downloads, and the lock of a running one. A chunk and the record of it are committed together.

The chunks of a download are already at the file's final place: when it is complete, only rows change
(`cache.ModelCache.put`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from modelden.core.events import Reporter
from modelden.errors import StorageError
from modelden.hub.store.contents import Changes, Content, delete_chunks, put_chunk, read_chunks
from modelden.hub.store.records import FileKey, PartialFile, RevisionKey, key_fields, key_of, revision_of
from modelden.ports import Blob, Clock, Database, Delete, Locks, Put, Row

logger = logging.getLogger(__name__)


WATCH_INTERVAL = 1.0
"""Seconds between two looks at the download of another tab."""


def download_lock(file: str) -> str:
    """Return the name of the lock of whoever downloads a file, by its `records.FileKey.id`."""
    return f"download {file}"


class PartialDownloads:
    """The store ``partials``, and the chunks that its rows name."""

    def __init__(self, database: Database, clock: Clock, locks: Locks) -> None:
        self._database = database
        self._clock = clock
        self._locks = locks

    async def get(self, key: FileKey) -> PartialFile | None:
        """Return the stored beginning of a file."""
        row = await self._database.get("partials", key.id)
        if row is None:
            return None
        return PartialFile(
            content=row["content"],
            url=row["url"],
            validator=row["validator"],
            total=row["total"],
            received=row["received"],
            chunks=row["chunks"],
        )

    async def append(self, key: FileKey, partial: PartialFile, blob: Blob) -> None:
        """Store one more chunk.

        Args:
            key: Key of the file.
            partial: State after this chunk.
            blob: Chunk.

        Raises:
            QuotaExceeded, StorageUnavailable: Nothing changed then.
        """
        chunk = put_chunk(Content(partial.content, partial.chunks), partial.chunks - 1, blob)
        await self._database.commit([chunk, Put("partials", self._row(key, partial))])

    async def shorten(self, key: FileKey, partial: PartialFile, size: int) -> PartialFile:
        """Delete the last chunk, of ``size`` bytes; returns the rest."""
        rest = partial._replace(received=partial.received - size, chunks=partial.chunks - 1)
        last = delete_chunks(Content(partial.content, partial.chunks))[-1]
        await self._database.commit([last, Put("partials", self._row(key, rest))])
        return rest

    async def delete(self, key: FileKey) -> None:
        """Delete the stored beginning of a file, if there is one."""
        partial = await self.get(key)
        if partial is not None:
            chunks = delete_chunks(Content(partial.content, partial.chunks))
            await self._database.commit([Delete("partials", key.id), *chunks])

    async def blobs(self, partial: PartialFile) -> list[Blob]:
        """Return the stored chunks in their order."""
        return await read_chunks(self._database, partial.content)

    async def rows(self) -> list[Row]:
        """Return all rows, the one that was continued longest ago first."""
        return sorted(await self._database.get_all("partials"), key=lambda row: int(row["updatedAt"]))

    async def sizes(self) -> dict[FileKey, int]:
        """Return the stored bytes of each file."""
        return {key_of(row): row["received"] for row in await self.rows()}

    async def models(self) -> set[RevisionKey]:
        """Return the models and revisions with partial files."""
        return {revision_of(row) for row in await self.rows()}

    async def delete_where(self, predicate: Callable[[Row], bool], limit: int | None = None) -> int:
        """Delete partial files that no tab works on.

        Args:
            predicate: Returns True for rows to delete.
            limit: Bytes after which no more are deleted; None for all.

        Returns:
            The bytes that were deleted.

        Raises:
            StorageError: If the browser's storage fails. Earlier deletions stay done.
        """
        freed = 0
        for row in await self.rows():
            if limit is not None and freed >= limit:
                break
            if predicate(row):
                freed += await self._delete_unlocked(row["id"], predicate)
        return freed

    async def _delete_unlocked(self, file: str, predicate: Callable[[Row], bool]) -> int:
        async with self._locks.try_hold(download_lock(file)) as is_free:
            row = await self._database.get("partials", file)
            if not is_free or row is None or not predicate(row):
                return 0
            size: int = row["received"]
            logger.info("Deleting %s bytes of the interrupted download of %s", size, file)
            changes: Changes = [Delete("partials", file), *delete_chunks(Content(row["content"], row["chunks"]))]
            await self._database.commit(changes)
            return size

    def _row(self, key: FileKey, partial: PartialFile) -> Row:
        return {
            "id": key.id,
            **key_fields(key),
            "content": partial.content,
            "url": partial.url,
            "validator": partial.validator,
            "total": partial.total,
            "received": partial.received,
            "chunks": partial.chunks,
            "updatedAt": self._clock.now(),
        }


class DownloadLock:
    """The locks of downloads. When a holder disappears, the tab that waited longest continues."""

    def __init__(self, locks: Locks, partial: Callable[[FileKey], Awaitable[PartialFile | None]]) -> None:
        """Create the locks of one store.

        Args:
            locks: Locks of the origin.
            partial: Reads the stored beginning of a file: the progress of another tab.
        """
        self._locks = locks
        self._partial = partial

    @asynccontextmanager
    async def hold(self, key: FileKey, reporter: Reporter) -> AsyncIterator[None]:
        """Wait until no other tab downloads the file; the progress of the other tab is reported meanwhile."""
        watching = asyncio.ensure_future(self._watch(key, reporter))
        try:
            async with self._locks.hold(download_lock(key.id)):
                await _end(watching)
                yield
        finally:
            await _end(watching)

    async def _watch(self, key: FileKey, reporter: Reporter) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            try:
                partial = await self._partial(key)
            except StorageError:
                return
            if partial is not None:
                reporter.catch_up(partial.received, partial.total)


async def _end(watching: asyncio.Task[None]) -> None:
    if not watching.done():
        watching.cancel()
        await asyncio.wait({watching})
