"""Downloads that have begun, as they are stored. A chunk and the note of it are committed together.

The chunks of a download are already the file's final place: when it is complete, only rows change
(`cache.ModelCache.put`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modelden.hub.download.resume import Partial
from modelden.ports import Blob, Clock, Database, Delete, Put, Row

FIRST_SIZE = 4 * 1024 * 1024
"""Bytes that are stored together at first: then as many as there are already, so that storing begins early."""

FileKey = tuple[str, str, str]
"""Model with its host name, revision, path."""


class Content(NamedTuple):
    """Stored bytes.

    Attributes:
        id: What their chunks are found by.
        chunks: How many there are.
    """

    id: str
    chunks: int


class Partials:
    """The store ``partials``, and the chunks that its rows name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._clock = clock

    async def get(self, key: FileKey) -> Partial | None:
        """Return the stored beginning of a file."""
        row = await self._database.get("partials", file_id(key))
        return None if row is None else _partial(row)

    async def append(self, key: FileKey, partial: Partial, blob: Blob) -> None:
        """Store one more chunk.

        Args:
            key: Which file.
            partial: What is stored when this is done, the chunk included.
            blob: The chunk.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        chunk = put_chunk(Content(partial.content, partial.chunks), partial.chunks - 1, blob)
        await self._database.commit([chunk, Put("partials", self._row(key, partial))])

    async def shorten(self, key: FileKey, partial: Partial, size: int) -> Partial:
        """Take the last chunk, of ``size`` bytes, off the beginning of a file; returns what is left."""
        left = partial._replace(received=partial.received - size, chunks=partial.chunks - 1)
        last = delete_chunks(Content(partial.content, partial.chunks))[-1]
        await self._database.commit([last, Put("partials", self._row(key, left))])
        return left

    def _row(self, key: FileKey, partial: Partial) -> Row:
        model, revision, file = key
        return {
            "id": file_id(key),
            "model": model,
            "revision": revision,
            "file": file,
            "content": partial.content,
            "url": partial.url,
            "validator": partial.validator,
            "total": partial.total,
            "received": partial.received,
            "chunks": partial.chunks,
            "updatedAt": self._clock.now(),
        }

    async def drop(self, key: FileKey) -> None:
        """Remove the stored beginning of a file, if there is one."""
        partial = await self.get(key)
        if partial is not None:
            await self._database.commit(self.removal(key, partial))

    def removal(self, key: FileKey, partial: Partial) -> list[Put | Delete]:
        """Return the changes that remove a beginning, its chunks included."""
        return [Delete("partials", file_id(key)), *delete_chunks(Content(partial.content, partial.chunks))]

    async def blobs(self, partial: Partial) -> list[Blob]:
        """Return the stored chunks in their order."""
        return await read_chunks(self._database, partial.content)


async def read_chunks(database: Database, content: str) -> list[Blob]:
    """Return the chunks of a content in their order."""
    rows = await database.get_all("chunks", index="contentIndex", key=content)
    return [row["data"] for row in rows]


def put_chunk(content: Content, index: int, blob: Blob) -> Put:
    """Return the change that stores a chunk."""
    return Put("chunks", {"content": content.id, "index": _index(index)}, {("data",): blob})


def delete_chunks(content: Content) -> Sequence[Delete]:
    """Return the changes that remove a content."""
    return [Delete("chunks", (content.id, _index(index))) for index in range(content.chunks)]


def file_id(key: FileKey) -> str:
    """Return the key of ``files`` and ``partials``."""
    return "/".join(key)


def _index(index: int) -> str:
    return f"{index:06d}"


def _partial(row: Row) -> Partial:
    return Partial(
        content=row["content"],
        url=row["url"],
        validator=row["validator"],
        total=row["total"],
        received=row["received"],
        chunks=row["chunks"],
    )
