"""Stored attachments, in Firefox's object store ``attachments``. No other module knows the shape of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.ports import Delete, Put

if TYPE_CHECKING:
    from modelden.ports import Blob, Database, Row
    from modelden.settings.changeset import Record


class AttachmentStore:
    """Stores attachments. They are found by their hashes, under any record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, cid: str, record: Record) -> Blob | None:
        """Return the attachment's bytes if they are stored, under this record or another one with the same hash."""
        row = await self._database.get("attachments", (cid, record["id"]))
        blob = _matching_blob(row, record) if row else None
        if blob is not None:
            return blob
        rows = await self._database.get_all("attachments")
        return next((blob for row in rows if (blob := _matching_blob(row, record)) is not None), None)

    async def write(self, cid: str, record: Record, blob: Blob) -> None:
        """Store the attachment of ``record``, in place of an older one of the same record.

        Raises:
            QuotaExceeded, StorageUnavailable: Nothing changed.
        """
        row = {"cid": cid, "attachmentId": record["id"], "attachment": {"record": record}}
        await self._database.commit([Put("attachments", row, {("attachment", "blob"): blob})])

    async def delete(self, record: Record) -> None:
        """Delete the bytes of an attachment, under all records."""
        rows = await self._database.get_all("attachments")
        matching = [row for row in rows if _matching_blob(row, record) is not None]
        await self._database.commit([Delete("attachments", (row["cid"], row["attachmentId"])) for row in matching])

    async def list_files(self) -> list[tuple[Record, Blob]]:
        """Return the records of all stored attachments, with their bytes."""
        rows = await self._database.get_all("attachments")
        found = [(row, row.get("attachment", {}).get("record")) for row in rows]
        return [(record, blob) for row, record in found if record and (blob := _matching_blob(row, record)) is not None]

    async def prune(self) -> int:
        """Delete attachments without a record, and return their number.

        They remain when one tab stores an attachment whose record another tab has deleted.
        Source: Firefox ``Database.sys.mjs`` (``pruneAttachments``).
        """
        rows = await self._database.get_all("attachments")
        keys = [(row["cid"], row["attachmentId"]) for row in rows]
        orphans = [key for key in keys if await self._database.get("records", key) is None]
        await self._database.commit([Delete("attachments", key) for key in orphans])
        return len(orphans)


def _matching_blob(row: Row, record: Record) -> Blob | None:
    expected = record["attachment"]
    match row:
        case {"attachment": {"record": {"attachment": {"hash": stored_hash}}, "blob": blob}}:
            stored: Blob = blob
            return stored if stored_hash == expected["hash"] and stored.size == expected["size"] else None
        case _:  # a row of another version
            return None
