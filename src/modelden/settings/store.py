"""Stored collections and attachments, in Firefox's object stores. No other module knows the shapes of their rows."""

from __future__ import annotations

import logging
from typing import NamedTuple

from modelden.errors import StorageError
from modelden.ports import Blob, Database, Delete, Put, Row, Unchanged
from modelden.settings.changeset import IDENTITY, Collection, Record, listed_collections
from modelden.settings.records import SigningPeriod, whole_number
from modelden.settings.rollback import OlderState

logger = logging.getLogger(__name__)

# Members of a `collections` row that are ours, beside Firefox's.
_SOURCE = "modeldenSource"
_CHECKED_AT = "modeldenCheckedAt"
_SIGNED_SINCE = "modeldenSignedSince"
_SIGNED_UNTIL = "modeldenSignedUntil"
_OLDER = "modeldenOlder"


RENEW_BEFORE = 7 * 24 * 60 * 60 * 1000
"""Time before the end of the signer's certificate at which the client asks for a new signature, in milliseconds."""


class StoredCollection(NamedTuple):
    """A stored collection.

    Attributes:
        collection: Its state.
        checked_at: Time of the server's last confirmation, milliseconds since the epoch.
        signed: The period in which it can have been signed.
        older: The polls that found the server's state older; None for none since the last confirmation.
    """

    collection: Collection
    checked_at: int
    signed: SigningPeriod
    older: OlderState | None = None

    def needs_signature(self, now: int) -> bool:
        """Return True if the signer's certificate ends soon.

        A new signature has no new timestamp (kinto/README: "Refreshing a signature").
        """
        return self.signed.until - now < RENEW_BEFORE


class SettingsStore:
    """Stores the collections of one trust source (`Configuration.trust_source`).

    Rows of other sources count as absent, and the next sync replaces them.
    """

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self._source = source
        self._rows: dict[str, Row | None] = {}
        self._unstored_confirmations: dict[str, int] = {}

    async def read(self, cid: str) -> StoredCollection | None:
        """Return the collection ``bucket/name``, or None if none of this source is stored."""
        row = self._rows[cid] = await self._database.get("collections", cid)
        while row is not None and row.get(_SOURCE) == self._source:
            records = await self._records(cid)
            # Of one moment with the records: the site's data may be cleared, or another tab may write, in between.
            before, (row, timestamp) = row, await self._database.get_many([("collections", cid), ("timestamps", cid)])
            self._rows[cid] = row
            if row != before or row is None:
                continue
            try:
                return None if timestamp is None else self._parse(row, timestamp, records)
            except (KeyError, TypeError) as error:
                logger.warning("The stored %s cannot be read, it is fetched anew: %r", cid, error)
                return None
        return None

    async def confirmations(self) -> dict[str, int]:
        """Return the time of the server's last confirmation of each collection of this source, by ``bucket/name``."""
        rows = await self._database.get_all("collections")
        return {row["cid"]: self._checked_at(row) for row in rows if row.get(_SOURCE) == self._source}

    async def listed_collections(self, bucket: str) -> frozenset[str] | None:
        """Return the names of all collections of a bucket, by the newest signed list; None if none is stored."""
        cids = [cid for cid in await self.confirmations() if cid.startswith(f"{bucket}/")]
        rows = await self._database.get_many([("records", (cid, IDENTITY)) for cid in cids])
        newest = max(
            (row for row in rows if row), key=lambda row: whole_number(row.get("last_modified")) or 0, default=None
        )
        return None if newest is None else listed_collections(newest)

    async def has_collections(self) -> bool:
        """Return True if a collection of this source is stored."""
        return bool(await self.confirmations())

    async def write(self, cid: str, fresh: StoredCollection, before: StoredCollection | None) -> bool:
        """Replace the collection in one transaction. Removed records are deleted, and their attachments.

        Args:
            cid: ``bucket/name``.
            fresh: The new state.
            before: The stored state that `read` returned just before.

        Returns:
            False if another tab wrote the collection meanwhile. Nothing is written then, as the rows of two states
            would mix.

        Raises:
            QuotaExceeded, StorageUnavailable: The old state stays.
        """
        collection, row = fresh.collection, self._rows.get(cid)
        # Without a readable state, there may be rows of another source.
        old = before.collection.records if before else await self._records(cid) if row else {}
        removed = [key for key in old if key not in collection.records]
        changes: list[Put | Delete] = [Delete("records", (cid, key)) for key in removed]
        changes += [Delete("attachments", (cid, key)) for key in removed]
        # A merge leaves unchanged records the same objects; equality would take true for 1.
        new = [record for key, record in collection.records.items() if old.get(key) is not record]
        changes += [Put("records", {**record, "_cid": cid}) for record in new]
        changes.append(Put("timestamps", {"cid": cid, "value": collection.timestamp}))
        changes.append(Put("collections", self._to_row(cid, fresh)))
        return await self._database.commit(changes, Unchanged("collections", cid, row))

    async def delete(self, cid: str) -> None:
        """Delete a collection. Its attachments stay for the records of its next state."""
        records = [Delete("records", (cid, key)) for key in await self._records(cid)]
        await self._database.commit([*records, Delete("timestamps", cid), Delete("collections", cid)])

    async def confirm(self, cid: str, checked_at: int) -> None:
        """Store that the server still has the state that `read` returned just before.

        A confirmation that cannot be stored is logged and holds for this page: the state itself is good.
        """
        row = self._rows.get(cid)
        if row is None:
            return
        confirmed = Put("collections", {**row, _CHECKED_AT: checked_at, _OLDER: None})
        try:
            # If another tab wrote meanwhile, its row is a confirmation too.
            await self._database.commit([confirmed], Unchanged("collections", cid, row))
        except StorageError as error:
            self._unstored_confirmations[cid] = checked_at
            logger.warning("That %s is up to date cannot be stored, the next visit asks again: %s", cid, error)

    def _checked_at(self, row: Row) -> int:
        stored = row.get(_CHECKED_AT)
        if type(stored) is not int:  # nothing of ours, or damaged
            stored = whole_number(stored) or 0
        return max(stored, self._unstored_confirmations.get(row["cid"], 0))

    def _parse(self, row: Row, timestamp: Row, records: dict[str, Record]) -> StoredCollection | None:
        cid, metadata = row["cid"], row["metadata"]
        if not isinstance(metadata, dict):
            raise TypeError(f"metadata {metadata!r}")
        collection = Collection(_time(timestamp["value"]), records, metadata)
        signed = SigningPeriod(_time(row.get(_SIGNED_SINCE, 0)), _time(row[_SIGNED_UNTIL]))
        older = OlderState(*map(_time, row[_OLDER])) if row.get(_OLDER) else None
        stored = StoredCollection(collection, self._checked_at(row), signed, older)
        if collection.other_name(cid) is not None:
            logger.warning("The stored %s is another collection, it is fetched anew", cid)
            return None
        return stored

    async def _records(self, cid: str) -> dict[str, Record]:
        rows = await self._database.get_all("records", index="cid", key=cid)
        for row in rows:
            del row["_cid"]
        return {row["id"]: row for row in rows}

    def _to_row(self, cid: str, stored: StoredCollection) -> Row:
        return {
            "cid": cid,
            "metadata": dict(stored.collection.metadata),
            _SOURCE: self._source,
            _CHECKED_AT: stored.checked_at,
            _SIGNED_SINCE: stored.signed.since,
            _SIGNED_UNTIL: stored.signed.until,
            _OLDER: stored.older and list(stored.older),
        }


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
        found = []
        for row in rows:
            match row:
                case {"attachment": {"record": {"attachment": {"hash": _, "size": _}} as record, "blob": _}}:
                    if (blob := _matching_blob(row, record)) is not None:
                        found.append((record, blob))
        return found

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


def _time(value: object) -> int:
    """Return a stored time.

    Raises:
        TypeError: If it is none.
    """
    if type(value) is int and value >= 0:  # as it was stored
        return value
    time = whole_number(value)
    if time is None:
        raise TypeError(f"{value!r} is no time")
    return time


def _matching_blob(row: Row, record: Record) -> Blob | None:
    expected = record["attachment"]
    match row:
        case {"attachment": {"record": {"attachment": {"hash": stored_hash}}, "blob": blob}}:
            stored: Blob = blob
            return stored if stored_hash == expected["hash"] and stored.size == expected["size"] else None
        case _:  # a row of another version
            return None
