"""Changesets: what a Remote Settings server answers, and how one is merged into what is known. Pure.

Source: kinto-changes' changeset endpoint; Firefox ``RemoteSettingsClient.sys.mjs`` (``importChanges``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelden.errors import InvalidResponse
from modelden.settings.json_text import parse_json

Record = dict[str, Any]
"""A record as the server sent it, camelCase names and all."""


class Changeset(NamedTuple):
    """One answer of a changeset endpoint.

    Attributes:
        timestamp: The collection's timestamp in milliseconds, the one that is signed.
        changes: Records and, after ``_since``, tombstones.
        metadata: The collection's metadata, with its signatures.
        full: The changes are all records there are, not only those after ``_since``.
    """

    timestamp: int
    changes: tuple[Record, ...]
    metadata: Mapping[str, Any]
    full: bool = False

    def reaches_before(self, since: int) -> bool:
        """Tell whether there are changes that ``_since`` should have left out: the server ignored it."""
        return any(isinstance(at := change.get("last_modified"), int) and at <= since for change in self.changes)


class Collection(NamedTuple):
    """A collection's whole state at one timestamp.

    Attributes:
        timestamp: In milliseconds.
        records: All live records by id, in the order of their ids, which is the store's.
        metadata: The collection's metadata, with its signatures.
    """

    timestamp: int
    records: Mapping[str, Record]
    metadata: Mapping[str, Any]


def parse_changeset(text: str, url: str) -> Changeset:
    """Read a changeset.

    Args:
        text: The response body.
        url: Where it came from, for messages.

    Raises:
        InvalidResponse: If it is not a changeset.
    """
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


def merge(known: Collection | None, changeset: Changeset) -> Collection:
    """Return the state after ``changeset``: its records replace those of the same id, its tombstones remove them.

    Args:
        known: The state before; it does not matter when the changeset is a full one.
        changeset: What the server answered.
    """
    records = {} if known is None or changeset.full else dict(known.records)
    for change in changeset.changes:
        if change.get("deleted") is True:
            records.pop(change["id"], None)
        else:
            records[change["id"]] = change
    in_order = {key: records[key] for key in sorted(records, key=_utf16)}
    return Collection(changeset.timestamp, in_order, changeset.metadata)


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """What a sync changed in a collection, after filters.

    Attributes:
        collection: ``bucket/collection``.
        current: All records now.
        created: Records that were not there before.
        updated: Old and new record of each that changed.
        deleted: Records that are gone.
    """

    __module__ = "modelden"

    collection: str
    current: tuple[Record, ...]
    created: tuple[Record, ...]
    updated: tuple[tuple[Record, Record], ...]
    deleted: tuple[Record, ...]

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return bool(self.created or self.updated or self.deleted)


def diff(collection: str, before: Mapping[str, Record], after: Mapping[str, Record]) -> SyncEvent:
    """Return what changed between two states.

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
    # IndexedDB compares code units; half characters are refused later, when the signature is verified.
    return key.encode("utf-16-be", errors="surrogatepass")


def _is_record(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)
