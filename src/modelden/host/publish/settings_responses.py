"""Response bodies of a Remote Settings server, as plain JSON data, for the dynamic server and for static files."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from modelden.host.keys.signer import signature_entry

if TYPE_CHECKING:
    from modelden.host.publish.collections import Collection


def root_page(url: str, attachments: str) -> dict[str, Any]:
    """Build the body of ``/v1/``.

    Args:
        url: The server's own URL.
        attachments: Base URL of attachment locations, with its final slash.
    """
    return {
        "project_name": "modelden Remote Settings",
        "http_api_version": "1.23",
        "url": url,
        "settings": {"readonly": True},
        "capabilities": {"attachments": {"base_url": attachments}},
    }


def changeset(collection: Collection, chains: str, since: int | None = None) -> dict[str, Any]:
    """Build a collection's changeset.

    Args:
        collection: The collection.
        chains: URL of the folder with certificate chains, with its final slash.
        since: Return only changes after this timestamp, with tombstones; None returns all records.
    """
    state = collection.state
    metadata: dict[str, Any] = {
        "id": collection.name,
        "bucket": collection.bucket,
        # Kinto writes the signature into the metadata just after the records.
        "last_modified": state.timestamp + 1,
    }
    if state.signature is not None and collection.signer is not None:
        entry = signature_entry(state.signature, f"{chains}{collection.signer.chain.name}.chain")
        metadata |= {"signature": entry, "signatures": [entry]}
    return {"metadata": metadata, "timestamp": state.timestamp, "changes": state.changes(since)}


def monitor(collections: Iterable[Collection], newest: int, host: str) -> dict[str, Any]:
    """Build the monitor's changeset, with the timestamp of each collection.

    Args:
        collections: The collections to list.
        newest: The newest timestamp of all collections.
        host: Name and port of the server.
    """
    changes = [_monitor_entry(collection, host) for collection in collections]
    changes.sort(key=lambda change: (-change["last_modified"], change["id"]))
    return {"metadata": {"bucket": "monitor"}, "timestamp": newest, "changes": changes}


def _monitor_entry(collection: Collection, host: str) -> dict[str, Any]:
    path = f"/buckets/{collection.bucket}/collections/{collection.name}"
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, path)),
        "last_modified": collection.state.timestamp,
        "bucket": collection.bucket,
        "collection": collection.name,
        "host": host,
    }
