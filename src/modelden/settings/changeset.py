"""Collections, and changesets, the answers of a Remote Settings server that are merged into them. Pure.

Nothing of an answer is signed when it is read and merged. Both are done in steps, between which the page has its turn.

Source: kinto-changes' changeset endpoint; Firefox ``RemoteSettingsClient.sys.mjs`` (``importChanges``).

The signature of Remote Settings covers records and timestamp, and not the collection's name. So whoever answers could
send one collection of a signer in place of another one. `modelden publish` adds the record `IDENTITY` to each
collection. Its filter expression is false, so that neither Firefox nor an earlier modelden shows it to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.errors import InvalidResponse
from modelden.settings.json_text import WINDOW, parse_json

if TYPE_CHECKING:
    from modelden.core.event_loop import Steps

BATCH = 5000
"""Records that are handled without a turn for the page. Some milliseconds."""

Record = dict[str, Any]
"""A record in the server's form, with its camelCase names."""

IDENTITY = "modelden-identity"
"""Identifier of the record by which a signed collection names itself, and the collections that its tree has."""


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

    def other_name(self, cid: str) -> str | None:
        """Return the name by which the collection calls itself, if it is another one than ``bucket/name``; else None.

        A record without a bucket fits each bucket.
        """
        record = self.records.get(IDENTITY)
        if record is None:
            return None
        bucket, _, name = cid.partition("/")
        names = record.get("bucket", bucket), record.get("collection")
        return None if names == (bucket, name) else f"{names[0]}/{names[1]}"


def parse_changeset(text: str, url: str) -> Changeset:
    """Read a changeset at once; see `changeset_in_steps`."""
    from modelden.core.event_loop import run  # pages take turns

    return run(changeset_in_steps(text, url))


def changeset_in_steps(text: str, url: str) -> Steps[Changeset]:
    """Read a changeset.

    Args:
        text: The response body.
        url: URL of the response, for messages.

    Raises:
        InvalidResponse: If it is not a changeset.
    """
    try:
        data = yield from _parse_in_steps(text)
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
        raise InvalidResponse(url, "an integer timestamp", _show(timestamp))
    if not isinstance(metadata, dict):
        raise InvalidResponse(url, "an object as metadata", _show(metadata))
    if not isinstance(changes, list):
        raise InvalidResponse(url, "a list of changes, each with a string id", _show(changes))
    ids: set[str] = set()
    for batch in _batches(changes):
        if (odd := next((change for change in batch if not _is_record(change)), None)) is not None:
            raise InvalidResponse(url, "a list of changes, each with a string id", _show(odd))
        size = len(ids) + len(batch)
        ids.update(change["id"] for change in batch)
        if len(ids) < size:
            raise InvalidResponse(url, "each record once", "duplicate ids")
        if len(batch) == BATCH:
            yield
    return Changeset(timestamp, tuple(changes), metadata)


def _parse_in_steps(text: str) -> Steps[Any]:
    if len(text) <= WINDOW:
        return parse_json(text)
    from modelden.settings.json_reader import parse_in_steps  # most answers are small

    data = yield from parse_in_steps(text)
    return data


def merge(old: Collection | None, changeset: Changeset) -> Collection:
    """Return the state after ``changeset`` at once; see `merge_in_steps`."""
    from modelden.core.event_loop import run  # pages take turns

    return run(merge_in_steps(old, changeset))


def merge_in_steps(old: Collection | None, changeset: Changeset) -> Steps[Collection]:
    """Return the state after ``changeset``: its records replace those of the same id, its tombstones remove them.

    Args:
        old: The state before; ignored if the changeset is full.
        changeset: The server's answer.
    """
    records = {} if old is None or changeset.full else dict(old.records)
    for batch in _batches(changeset.changes):
        for change in batch:
            if change.get("deleted") is True:
                records.pop(change["id"], None)
            else:
                records[change["id"]] = change
        if len(batch) == BATCH:
            yield
    in_order: dict[str, Record] = {}
    keys = yield from _sort_in_steps(list(records))
    for names in _batches(keys):
        in_order.update((name, records[name]) for name in names)
        if len(names) == BATCH:
            yield
    return Collection(changeset.timestamp, in_order, changeset.metadata)


def _sort_in_steps(keys: Sequence[str]) -> Steps[list[str]]:
    """Sort keys by their UTF-16 code units, as IndexedDB does: some at once, then those that were sorted together."""
    runs = []
    for batch in _batches(keys):
        runs.append(sorted(batch, key=_utf16))
        if len(batch) == BATCH:
            yield
    if len(runs) < 2:
        return runs[0] if runs else []
    from heapq import merge as merge_sorted  # most collections are small

    ordered = []
    for key in merge_sorted(*runs, key=_utf16):
        ordered.append(key)
        if len(ordered) % BATCH == 0:
            yield
    return ordered


def _batches[T](items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield parts of a sequence. A page has its turn after each full one."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


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


def identity_record(bucket: str, name: str, collections: Iterable[str]) -> Record:
    """Build the record `IDENTITY` of a collection.

    Args:
        bucket: The collection's bucket.
        name: The collection's name.
        collections: Names of all collections of the bucket in the tree.
    """
    return {
        "id": IDENTITY,
        "filter_expression": "false",
        "bucket": bucket,
        "collection": name,
        "collections": sorted(collections),
    }


def listed_collections(record: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the names of the collections that the record `IDENTITY` lists; None if it has no list."""
    names = record.get("collections")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names)


def _utf16(key: str) -> bytes:
    # IndexedDB compares code units. Lone surrogates are refused later, by the verification of the signature.
    return key.encode("utf-16-be", errors="surrogatepass")


def _show(value: object) -> str:
    """Return a value for a message. The text of a large list would take a while."""
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, list | dict) else repr(value)[:60]


def _is_record(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)
