"""The record by which a signed collection names itself, and the collections that its tree has. Pure.

The signature of Remote Settings covers records and timestamp, and not the collection's name. So whoever answers could
send one collection of a signer in place of another one. `modelden publish` adds this record to each collection. Its
filter expression is false, so that neither Firefox nor an earlier modelden shows it to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelden.settings.changeset import Record

IDENTITY = "modelden-identity"
"""Identifier of the record."""


def identity_record(bucket: str, name: str, collections: Iterable[str]) -> Record:
    """Build the record of a collection.

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


def other_name(cid: str, records: Mapping[str, Record]) -> str | None:
    """Return the name by which a collection calls itself, if it is another one than ``bucket/name``; else None.

    A record without a bucket fits each bucket.
    """
    record = records.get(IDENTITY)
    if record is None:
        return None
    bucket, _, name = cid.partition("/")
    names = record.get("bucket", bucket), record.get("collection")
    return None if names == (bucket, name) else f"{names[0]}/{names[1]}"


def listed_collections(record: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the names of the collections that the record lists; None if it has no list."""
    names = record.get("collections")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names)
