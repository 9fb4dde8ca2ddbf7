"""What is kept of collections, in Firefox's stores. The only place that knows their rows' shapes."""

from __future__ import annotations

from typing import NamedTuple

from modelden.ports import Database, Delete, Put, Row, Unchanged
from modelden.settings.changeset import Collection, Record
from modelden.settings.signatures import Signed

# Ours, beside Firefox's members of a `collections` row.
_SOURCE = "modeldenSource"
_CHECKED_AT = "modeldenCheckedAt"
_SIGNED_SINCE = "modeldenSignedSince"
_SIGNED_UNTIL = "modeldenSignedUntil"


class StoredCollection(NamedTuple):
    """A collection as it is kept.

    Attributes:
        collection: Its state.
        checked_at: When the server last confirmed it, milliseconds since the epoch.
        signed: When it can have been signed.
    """

    collection: Collection
    checked_at: int
    signed: Signed


class SettingsStore:
    """Keeps collections of one trust source (`Configuration.trust_source`)."""

    def __init__(self, database: Database, source: str) -> None:
        """Rows of other sources are as good as absent, and replaced at the next sync."""
        self._database = database
        self._source = source
        self._rows: dict[str, Row | None] = {}

    async def read(self, cid: str) -> StoredCollection | None:
        """Return the collection ``bucket/name``, or None when none of this source is kept."""
        row = self._rows[cid] = await self._database.get("collections", cid)
        return await self._stored(row) if row else None

    async def confirmations(self) -> dict[str, int]:
        """Return when the server last confirmed each collection of this source, by ``bucket/name``."""
        rows = await self._database.get_all("collections")
        return {row["cid"]: row[_CHECKED_AT] for row in rows if row.get(_SOURCE) == self._source}

    async def write(self, cid: str, fresh: StoredCollection, before: StoredCollection | None) -> bool:
        """Replace the collection in one transaction; records that are gone are removed, and their attachments.

        Args:
            cid: ``bucket/name``.
            fresh: The new state.
            before: The stored one, as `read` gave it just before.

        Returns:
            Whether it was: False if another tab wrote the collection meanwhile, or the rows of two states would mix.

        Raises:
            QuotaExceeded, StorageUnavailable: Then the old state stays.
        """
        collection, row = fresh.collection, self._rows.get(cid)
        # Rows of another source may be there.
        old = before.collection.records if before else await self._records(cid) if row else {}
        gone = [key for key in old if key not in collection.records]
        changes: list[Put | Delete] = [Delete("records", (cid, key)) for key in gone]
        changes += [Delete("attachments", (cid, key)) for key in gone]
        # What a merge did not touch is the same object; equality would take true for 1.
        new = [record for key, record in collection.records.items() if old.get(key) is not record]
        changes += [Put("records", {**record, "_cid": cid}) for record in new]
        changes.append(Put("timestamps", {"cid": cid, "value": collection.timestamp}))
        changes.append(Put("collections", self._row(cid, fresh)))
        return await self._database.commit(changes, Unchanged("collections", cid, row))

    async def confirm(self, cid: str, checked_at: int) -> None:
        """Note that the server still has the state that `read` gave just before.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        row = self._rows.get(cid)
        if row is not None:
            confirmed = Put("collections", {**row, _CHECKED_AT: checked_at})
            # Not when another tab wrote meanwhile, which is as good a confirmation.
            await self._database.commit([confirmed], Unchanged("collections", cid, row))

    async def _stored(self, row: Row) -> StoredCollection | None:
        cid = row["cid"]
        timestamp = await self._database.get("timestamps", cid)
        if timestamp is None or row.get(_SOURCE) != self._source:
            return None
        collection = Collection(timestamp["value"], await self._records(cid), row["metadata"])
        signed = Signed(row.get(_SIGNED_SINCE, 0), row[_SIGNED_UNTIL])
        return StoredCollection(collection, row[_CHECKED_AT], signed)

    async def _records(self, cid: str) -> dict[str, Record]:
        rows = await self._database.get_all("records", index="cid", key=cid)
        for row in rows:
            del row["_cid"]
        return {row["id"]: row for row in rows}

    def _row(self, cid: str, stored: StoredCollection) -> Row:
        return {
            "cid": cid,
            "metadata": dict(stored.collection.metadata),
            _SOURCE: self._source,
            _CHECKED_AT: stored.checked_at,
            _SIGNED_SINCE: stored.signed.since,
            _SIGNED_UNTIL: stored.signed.until,
        }
