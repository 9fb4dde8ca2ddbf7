"""What is kept of collections, in Firefox's stores. The only place that knows the rows' shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelden.ports import Blob, Database, Delete, Put
from modelden.settings.changeset import Collection, Record

# Ours, beside Firefox's members of a `collections` row.
_SOURCE = "modeldenSource"
_CHECKED_AT = "modeldenCheckedAt"


@dataclass(frozen=True, slots=True)
class StoredCollection:
    """A verified collection as it is kept.

    Attributes:
        collection: Its state.
        checked_at: When the server last confirmed it, milliseconds since the epoch.
    """

    collection: Collection
    checked_at: int


class SettingsStore:
    """Keeps verified collections and attachments of one trust source (`Configuration.trust_source`)."""

    def __init__(self, database: Database, source: str) -> None:
        """Rows of other sources are as good as absent, and replaced at the next sync."""
        self._database = database
        self._source = source

    async def read(self, cid: str) -> StoredCollection | None:
        """Return the collection ``bucket/name``, or None when none of this source is kept."""
        row = await self._database.get("collections", cid)
        timestamp = await self._database.get("timestamps", cid)
        if row is None or timestamp is None or row.get(_SOURCE) != self._source:
            return None
        rows = await self._database.get_all("records", index="cid", key=cid)
        records = {row["id"]: _without(row, "_cid") for row in rows}
        return StoredCollection(Collection(timestamp["value"], records, row["metadata"]), row[_CHECKED_AT])

    async def write(self, cid: str, collection: Collection, checked_at: int) -> None:
        """Replace the collection in one transaction; records that are gone are removed.

        Raises:
            QuotaExceeded, StorageUnavailable: Then the old state stays.
        """
        old = await self._database.get_all("records", index="cid", key=cid)
        changes: list[Put | Delete] = [
            Delete("records", (cid, row["id"])) for row in old if row["id"] not in collection.records
        ]
        changes += [Put("records", {**record, "_cid": cid}) for record in collection.records.values()]
        changes += [
            Put("timestamps", {"cid": cid, "value": collection.timestamp}),
            Put(
                "collections",
                {
                    "cid": cid,
                    "metadata": dict(collection.metadata),
                    _SOURCE: self._source,
                    _CHECKED_AT: checked_at,
                },
            ),
        ]
        await self._database.commit(changes)

    async def read_attachment(self, cid: str, record: Record) -> Blob | None:
        """Return the attachment's bytes if those of exactly this record are kept."""
        row = await self._database.get("attachments", (cid, record["id"]))
        if row is None:
            return None
        kept: dict[str, Any] = row["attachment"]
        blob: Blob = kept["blob"]
        wanted = record["attachment"]
        same = kept["record"]["attachment"]["hash"] == wanted["hash"] and blob.size == wanted["size"]
        return blob if same else None

    async def write_attachment(self, cid: str, record: Record, blob: Blob) -> None:
        """Keep the attachment of ``record``.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        row = {"cid": cid, "attachmentId": record["id"], "attachment": {"record": record}}
        await self._database.commit([Put("attachments", row, {("attachment", "blob"): blob})])


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
