"""Stored bytes: chunks of contents, and which contents belong to a file. Equal bytes are stored once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from modelden.errors import StorageError
from modelden.hub.store.records import FileKey, PartialFile
from modelden.ports import Blob, Database, Delete, Put, Row

type Changes = list[Put | Delete]

FIRST_SIZE = 4 * 1024 * 1024
"""Size in bytes of a download's first chunk. Later ones are as large as all before together: storing begins early."""


class Content(NamedTuple):
    """Stored bytes of one or more equal files.

    Attributes:
        id: Key of its chunks.
        chunks: Number of its chunks.
    """

    id: str
    chunks: int


class ReceivedBody(NamedTuple):
    """A complete body.

    Attributes:
        sha256: SHA-256 of its bytes in lower-case hexadecimal.
        size: Number of bytes.
        partial: Stored beginning.
        rest: Bytes after the stored beginning; all of them when storage refused some.
        blob: All bytes.
        stored: False when storage refused some of them: nothing of the body is stored then.
        refusal: Reason of storage for that.
    """

    sha256: str
    size: int
    partial: PartialFile
    rest: Blob
    blob: Blob
    stored: bool
    refusal: StorageError | None


class Contents:
    """The contents that rows of ``files`` name. Its callers hold `schema.ROWS_LOCK`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def complete(self, key: FileKey, body: ReceivedBody) -> tuple[Changes, Content]:
        """Return the changes that complete the bytes of a file, and the content that they make.

        The stored beginning may have been deleted or continued by another tab: then all bytes are stored again.
        """
        partial = Content(body.partial.content, body.partial.chunks)
        row = await self._database.get("partials", key.id)
        is_stored = row is not None and (row["content"], row["chunks"]) == (partial.id, partial.chunks)
        changes: Changes = [Delete("partials", key.id)] if is_stored else []
        content = await self._equal(body)
        if content is not None:
            return [*changes, *(delete_chunks(partial) if is_stored else ())], content
        if partial.chunks and not is_stored:
            from uuid import uuid4  # slow to import

            content = Content(str(uuid4()), 1)
            return [put_chunk(content, 0, body.blob)], content
        if body.rest.size or not partial.chunks:
            content = Content(partial.id, partial.chunks + 1)
            return [*changes, put_chunk(content, partial.chunks, body.rest)], content
        return changes, partial

    async def unreferenced(self, removed: Collection[Row], retained: Collection[Content] = ()) -> Changes:
        """Return the changes that delete the chunks of rows of ``files``, except those that other rows name.

        Args:
            removed: Rows that are deleted or replaced.
            retained: Contents that rows of the same transaction name.
        """
        ids = {row["id"] for row in removed}
        retained_ids = {content.id for content in retained}
        changes: Changes = []
        for content in {Content(row["content"], row["chunks"]) for row in removed}:
            users = await self._database.get_all("files", index="contentIndex", key=content.id)
            if content.id not in retained_ids and {row["id"] for row in users} <= ids:
                changes += delete_chunks(content)
        return changes

    async def _equal(self, body: ReceivedBody) -> Content | None:
        """Return a complete stored content with the same bytes."""
        for row in await self._database.get_all("files", index="sha256Index", key=body.sha256):
            chunks = await read_chunks(self._database, row["content"])
            if sum(chunk.size for chunk in chunks) == body.size:
                return Content(row["content"], row["chunks"])
        return None


async def read_chunks(database: Database, content: str) -> list[Blob]:
    """Return the chunks of a content in their order."""
    rows = await database.get_all("chunks", index="contentIndex", key=content)
    return [row["data"] for row in rows]


def put_chunk(content: Content, index: int, blob: Blob) -> Put:
    """Return the change that stores a chunk."""
    return Put("chunks", {"content": content.id, "index": _index(index)}, {("data",): blob})


def delete_chunks(content: Content) -> Sequence[Delete]:
    """Return the changes that delete all chunks of a content."""
    return [Delete("chunks", (content.id, _index(index))) for index in range(content.chunks)]


def _index(index: int) -> str:
    return f"{index:06d}"
