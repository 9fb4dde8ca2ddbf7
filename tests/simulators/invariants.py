"""Invariants of a browser profile: its stored rows fit together, and after all pages are closed nothing goes on."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelden.hub.store.records import PartialFile
from tests.simulators.profile import Profile

type Row = dict[str, Any]
type Stores = Mapping[str, Sequence[Row]]

_STORES = ("headers", "engines", "tasks", "files", "chunks", "partials", "missing", "pins")


def broken_rows(profile: Profile) -> list[str]:
    """Return the inconsistencies of the databases."""
    contents = profile.databases.contents()
    found = contents.get("modelFiles", {})
    return [
        *_models({store: found.get(store, []) for store in _STORES}),
        *_settings(contents.get("remote-settings", {})),
    ]


def leftovers(profile: Profile) -> list[str]:
    """Return what still goes on."""
    chaos = profile.chaos
    held = {name: count for name, count in chaos.held.items() if count} if chaos else {}
    sessions = sum(not worker.closed for worker in profile.sessions.workers)
    counted = {"workers": profile.engines.alive, "sessions": sessions, "timers": profile.timers.waiting, "locks": held}
    return [f"{count} {what} are left" for what, count in counted.items() if count]


def _models(stores: Stores) -> Iterator[str]:
    files = {_key(row): row for row in stores["files"]}
    headers = {_key(row): row["headers"] for row in stores["headers"]}
    chunks: dict[str, list[bytes]] = defaultdict(list)
    for row in stores["chunks"]:
        chunks[row["content"]].append(row["data"].data)
    if files.keys() != headers.keys():
        yield f"rows of files and headers differ: {sorted(files.keys() ^ headers.keys())}"
    for store in ("tasks", "engines"):
        if lost := {_key(row) for row in stores[store]} - files.keys():
            yield f"rows of {store} without a file: {sorted(lost)}"
    if unused := files.keys() - {_key(row) for row in stores["tasks"]}:
        yield f"files without a task: {sorted(unused)}"
    for key in files.keys() & headers.keys():
        yield from _file(files[key], headers[key], chunks[files[key]["content"]])
    for row in stores["partials"]:
        yield from _partial(row, chunks[row["content"]])
    named = {row["content"] for store in ("files", "partials") for row in stores[store]}
    if lost_chunks := {content for content, found in chunks.items() if found} - named:
        yield f"chunks that nothing names: {sorted(lost_chunks)}"
    if both := {row["id"] for row in stores["missing"]} & {row["id"] for row in stores["files"]}:
        yield f"files that are stored and missing: {sorted(both)}"


def _file(file: Row, header: Row, chunks: list[bytes]) -> Iterator[str]:
    data = b"".join(chunks)
    if len(chunks) != file["chunks"]:
        yield f"{file['id']} has {len(chunks)} chunks and not {file['chunks']}"
    if len(data) != header["fileSize"] or hashlib.sha256(data).hexdigest() != file["sha256"]:
        yield f"{file['id']} has other bytes than its row says"


def _partial(row: Row, chunks: list[bytes]) -> Iterator[str]:
    missing = set(PartialFile._fields) - row.keys()
    if missing or len(chunks) != row["chunks"] or sum(map(len, chunks)) != row["received"]:
        yield f"the beginning of {row['id']} has other chunks than its row says"


def _settings(stores: Stores) -> Iterator[str]:
    collections = {row["cid"] for row in stores.get("collections", ())}
    timestamps = {row["cid"] for row in stores.get("timestamps", ())}
    records = {(row["_cid"], row["id"]) for row in stores.get("records", ())}
    if collections - timestamps or {cid for cid, _ in records} - collections:
        yield f"collections {collections}, timestamps {timestamps}, records {records}"
    attachments = {(row["cid"], row["attachmentId"]) for row in stores.get("attachments", ())}
    if attachments - records:
        yield f"attachments without a record: {attachments - records}"


def _key(row: Row) -> tuple[str, str, str]:
    return row["model"], row["revision"], row["file"]
