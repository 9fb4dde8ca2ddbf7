"""Changesets, the answers of a Remote Settings server, and their merge into a stored collection. Pure.

Source: kinto-changes' changeset endpoint; Firefox ``RemoteSettingsClient.sys.mjs`` (``importChanges``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelden.errors import InvalidResponse

Record = dict[str, Any]
"""A record in the server's form, with its camelCase names."""


class Changeset(NamedTuple):
    """One answer of a changeset endpoint.

    Attributes:
        timestamp: The collection's timestamp in milliseconds, the one that is signed.
        changes: Records and, after ``_since``, tombstones.
        metadata: The collection's metadata, with its signatures.
        full: The changes are all records, not only those after ``_since``.
    """

    timestamp: int
    changes: tuple[Record, ...]
    metadata: Mapping[str, Any]
    full: bool = False

    def reaches_before(self, since: int) -> bool:
        """Return True if there are changes before ``_since``: the server ignored it."""
        return any(isinstance(at := change.get("last_modified"), int) and at <= since for change in self.changes)


class Collection(NamedTuple):
    """The state of a collection at one timestamp.

    Attributes:
        timestamp: In milliseconds.
        records: All live records by id, in the store's order, which is that of the ids.
        metadata: The collection's metadata, with its signatures.
    """

    timestamp: int
    records: Mapping[str, Record]
    metadata: Mapping[str, Any]


def parse_changeset(text: str, url: str) -> Changeset:
    """Read a changeset.

    Args:
        text: The response body.
        url: URL of the response, for messages.

    Raises:
        InvalidResponse: If it is not a changeset.
    """
    from modelden.settings.json_text import parse_json  # most visits find their collections stored

    try:
        data = parse_json(text)
    except ValueError as error:
        raise InvalidResponse(url, "a changeset in JSON", f"{text[:60]!r} ({error})") from error
    if not isinstance(data, dict):
        raise InvalidResponse(url, "a changeset (a JSON object)", f"{text[:60]!r}")
    timestamp, changes, metadata = (
        data.get("timestamp"),
        data.get("changes"),
        data.get("metadata", {}),
    )
    if not isinstance(timestamp, int) or isinstance(timestamp, bool) or timestamp < 0:
        raise InvalidResponse(url, "an integer timestamp", repr(timestamp))
    if not isinstance(changes, list) or not all(_is_record(change) for change in changes):
        raise InvalidResponse(url, "a list of changes, each with a string id", repr(changes)[:60])
    if len({change["id"] for change in changes}) < len(changes):
        raise InvalidResponse(url, "each record once", "duplicate ids")
    if not isinstance(metadata, dict):
        raise InvalidResponse(url, "an object as metadata", repr(metadata)[:60])
    return Changeset(timestamp, tuple(changes), metadata)


def merge(old: Collection | None, changeset: Changeset) -> Collection:
    """Return the state after ``changeset``: its records replace those of the same id, its tombstones remove them.

    Args:
        old: The state before; ignored if the changeset is full.
        changeset: The server's answer.
    """
    records = {} if old is None or changeset.full else dict(old.records)
    for change in changeset.changes:
        if change.get("deleted") is True:
            records.pop(change["id"], None)
        else:
            records[change["id"]] = change
    in_order = {key: records[key] for key in sorted(records, key=_utf16)}
    return Collection(changeset.timestamp, in_order, changeset.metadata)


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """The changes of a collection in one sync, among the records whose filter expressions are true here.

    Attributes:
        collection: ``bucket/collection``.
        current: All records now.
        created: New records.
        updated: Old and new state of each changed record.
        deleted: Deleted records.
    """

    __module__ = "modelden"

    collection: str
    current: tuple[Record, ...]
    created: tuple[Record, ...]
    updated: tuple[tuple[Record, Record], ...]
    deleted: tuple[Record, ...]

    def __bool__(self) -> bool:
        """Return True if anything changed."""
        return bool(self.created or self.updated or self.deleted)


def diff(collection: str, before: Mapping[str, Record], after: Mapping[str, Record]) -> SyncEvent:
    """Return the changes between two states.

    Args:
        collection: ``bucket/collection``.
        before: Records by id.
        after: Records by id.
    """
    return SyncEvent(
        collection,
        current=tuple(after.values()),
        created=tuple(record for key, record in after.items() if key not in before),
        updated=tuple(
            (before[key], record) for key, record in after.items() if key in before and before[key] != record
        ),
        deleted=tuple(record for key, record in before.items() if key not in after),
    )


def _utf16(key: str) -> bytes:
    # IndexedDB compares code units. Lone surrogates are refused later, by the verification of the signature.
    return key.encode("utf-16-be", errors="surrogatepass")


def _is_record(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)
