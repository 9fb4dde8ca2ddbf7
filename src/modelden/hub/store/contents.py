"""Which stored bytes are a file's, and which are nobody's any more. Equal bytes are kept once."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from modelden.hub.store.partials import Content, FileKey, delete_chunks, file_id, put_chunk, read_chunks
from modelden.ports import Database, Delete, Put, Row

if TYPE_CHECKING:
    from modelden.hub.download.chunk_writer import ReceivedBody

type Changes = list[Put | Delete]

ROWS_LOCK = "rows"
"""Rows are read, changed and written back by one writer at a time, among all tabs: no engine id, no content is lost."""


class Contents:
    """The contents that rows of ``files`` name. Used by whoever holds `ROWS_LOCK`."""

    def __init__(self, database: Database) -> None:
        """Nothing is read yet."""
        self._database = database

    async def of(self, key: FileKey, received: ReceivedBody) -> tuple[Changes, Content]:
        """Return the changes that make a file's bytes whole, and what they are then.

        Somebody may have removed what was stored of them, or gone on with it: then they are stored as a whole.
        """
        begun = Content(received.partial.content, received.partial.chunks)
        row = await self._database.get("partials", file_id(key))
        is_there = row is not None and (row["content"], row["chunks"]) == (begun.id, begun.chunks)
        changes: Changes = [Delete("partials", file_id(key))] if is_there else []
        content = await self._same(received)
        if content is not None:
            return [*changes, *(delete_chunks(begun) if is_there else ())], content
        if begun.chunks and not is_there:
            from uuid import uuid4  # slow to import

            content = Content(str(uuid4()), 1)
            return [put_chunk(content, 0, received.blob)], content
        if received.rest.size or not begun.chunks:
            content = Content(begun.id, begun.chunks + 1)
            return [*changes, put_chunk(content, begun.chunks, received.rest)], content
        return changes, begun

    async def unused(self, leaving: Collection[Row], spared: Collection[Content] = ()) -> Changes:
        """Return the changes that remove the bytes of these rows of ``files``, but for those that others have.

        Args:
            leaving: Rows that go, or are replaced.
            spared: What rows name that come with the same transaction.
        """
        ids = {row["id"] for row in leaving}
        kept = {content.id for content in spared}
        changes: Changes = []
        for content in {Content(row["content"], row["chunks"]) for row in leaving}:
            users = await self._database.get_all("files", index="contentIndex", key=content.id)
            if content.id not in kept and {row["id"] for row in users} <= ids:
                changes += delete_chunks(content)
        return changes

    async def _same(self, received: ReceivedBody) -> Content | None:
        """Return the content that has these bytes already, if it is whole."""
        for row in await self._database.get_all("files", index="sha256Index", key=received.sha256):
            chunks = await read_chunks(self._database, row["content"])
            if sum(chunk.size for chunk in chunks) == received.size:
                return Content(row["content"], row["chunks"])
        return None


def names_of(key: FileKey) -> dict[str, Any]:
    """Return the members of a row that name its file."""
    model, revision, file = key
    return {"model": model, "revision": revision, "file": file}


def key_of(row: Row) -> FileKey:
    """Return which file a row is of."""
    return row["model"], row["revision"], row["file"]
