"""What is kept of attachments, in Firefox's store. The only place that knows its rows' shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelden.ports import Delete, Put

if TYPE_CHECKING:
    from modelden.ports import Blob, Database, Row
    from modelden.settings.changeset import Record


class AttachmentStore:
    """Keeps attachments. They are known by their hashes, whichever record names them."""

    def __init__(self, database: Database) -> None:
        """Nothing is read yet."""
        self._database = database

    async def read(self, cid: str, record: Record) -> Blob | None:
        """Return the attachment's bytes if they are kept, under this record or another one with the same hash."""
        own = await self._database.get("attachments", (cid, record["id"]))
        rows = [own] if own else []
        if not rows or not _holds(rows[0], record):
            rows = await self._database.get_all("attachments")
        for row in rows:
            if _holds(row, record):
                blob: Blob = row["attachment"]["blob"]
                return blob
        return None

    async def write(self, cid: str, record: Record, blob: Blob) -> None:
        """Keep the attachment of ``record``, in place of an older one of the same record.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        row = {"cid": cid, "attachmentId": record["id"], "attachment": {"record": record}}
        await self._database.commit([Put("attachments", row, {("attachment", "blob"): blob})])

    async def remove(self, record: Record) -> None:
        """Remove the bytes of an attachment, whichever records they are kept under."""
        rows = await self._database.get_all("attachments")
        keys = [(row["cid"], row["attachmentId"]) for row in rows if _holds(row, record)]
        await self._database.commit([Delete("attachments", key) for key in keys])

    async def prune(self) -> int:
        """Remove attachments without a record, and return how many: what came when another tab had removed the record.

        Source: Firefox ``Database.sys.mjs`` (``pruneAttachments``).
        """
        rows = await self._database.get_all("attachments")
        keys = [(row["cid"], row["attachmentId"]) for row in rows]
        gone = [key for key in keys if await self._database.get("records", key) is None]
        await self._database.commit([Delete("attachments", key) for key in gone])
        return len(gone)


def _holds(row: Row, record: Record) -> bool:
    wanted = record["attachment"]
    kept: dict[str, Any] = row["attachment"]
    same: bool = kept["record"]["attachment"]["hash"] == wanted["hash"] and kept["blob"].size == wanted["size"]
    return same
