"""The push of a tree's records and attachments to a Remote Settings server, through its review.

A push compares the server's workspace with the tree. A second push therefore changes nothing, and an interrupted one is
resumed. Clients do not see the workspace: signing publishes a collection as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelden.host.errors import TreeError
from modelden.host.publish.collections import Collection
from modelden.host.publish.kinto_editor import KintoEditor, Record, Workspace
from modelden.host.publish.publisher import BUCKET
from modelden.host.publish.record_check import OPTIONS
from modelden.host.publish.release import sha256_of
from modelden.host.publish.transaction import exclusive
from modelden.host.publish.tree import Tree
from modelden.settings.changeset import IDENTITY

_SERVER_FIELDS = ("last_modified", "schema")
"""Fields that the server sets itself; ``schema`` only for collections with a schema."""


@dataclass(frozen=True, slots=True)
class PushResult:
    """The changes of a push, or of a dry run, in one collection.

    Attributes:
        collection: Its name.
        created: Identifiers of new records.
        updated: Identifiers of changed records.
        deleted: Identifiers of records that are not in the tree.
        uploaded: Names of uploaded attachments.
        status: ``signed``: clients see it; ``to-review``: it awaits approval; ``to-push``: after a dry run.
    """

    collection: str
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    status: str = "signed"


def push(
    tree: Tree, editor: KintoEditor, reviewer: KintoEditor | None = None, *, dry_run: bool = False
) -> list[PushResult]:
    """Make the server's collections equal to those of the tree. Other collections of the server do not change.

    Args:
        tree: The published tree.
        editor: Account that writes and requests reviews.
        reviewer: Account that approves; None leaves reviews that the server requires to people.
        dry_run: Only compare.

    Returns:
        The results, in the order of the pushes.

    Raises:
        TreeError: The tree cannot be read, or an attachment differs from its record; `TreeBusy` if it is locked.
        RemoteError: The server does not answer, or refuses.
        MachineError: A file cannot be read.
    """
    with exclusive(tree.folder):
        differences = [
            _compare(tree, editor, collection) for collection in tree.collections() if collection.bucket == BUCKET
        ]
        for difference in differences:
            difference.check_files()
        differences.sort(key=_push_order)
        return [
            difference.result("to-push") if dry_run else _apply(difference, editor, reviewer)
            for difference in differences
        ]


@dataclass(frozen=True, slots=True)
class _Difference:
    """The difference between a collection of the server and that of the tree.

    Attributes:
        name: Its name.
        workspace: Its source collection.
        status: Status in kinto-signer; None if the server does not have the collection.
        writes: Records to write.
        files: Attachments to upload, by record.
        existing: All records of the server.
        deletes: Identifiers of records to delete.
    """

    name: str
    workspace: Workspace
    status: str | None
    writes: list[Record]
    files: dict[str, Path]
    existing: dict[str, Record]
    deletes: list[str]

    def result(self, status: str) -> PushResult:
        if not (self.writes or self.deletes) and self.status == "signed":
            status = "signed"
        created = [record["id"] for record in self.writes if record["id"] not in self.existing]
        updated = [record["id"] for record in self.writes if record["id"] in self.existing]
        names = [record["attachment"]["filename"] for record in self.writes if record["id"] in self.files]
        return PushResult(self.name, created, updated, self.deletes, names, status)

    def check_files(self) -> None:
        """Check the attachments, before the first write."""
        for record in self.writes:
            file = self.files.get(record["id"])
            if file and (not file.is_file() or sha256_of(file) != record["attachment"]["hash"]):
                raise TreeError(f"{file} is not what its record says: `modelden verify` tells more.")


def _compare(tree: Tree, editor: KintoEditor, collection: Collection) -> _Difference:
    workspace = editor.workspace(BUCKET, collection.name)
    status = editor.status(workspace)
    stored = editor.records(workspace) if status is not None else {}
    # The record of identity is of a tree: a server may have more collections, and it copies records to another bucket.
    records = {key: record for key, record in collection.state.records.items() if key != IDENTITY}
    writes = [record for key, record in records.items() if _comparable(record) != _comparable(stored.get(key))]
    files = {
        record["id"]: tree.attachments / record["attachment"]["location"]
        for record in writes
        if "attachment" in record and _attachment_fields(record) != _attachment_fields(stored.get(record["id"]))
    }
    deletes = [key for key in stored if key not in records]
    return _Difference(collection.name, workspace, status, writes, files, stored, deletes)


def _push_order(difference: _Difference) -> int:
    """Sort new records before the options that refer to them, and deletions last."""
    if difference.name == OPTIONS:
        return 1
    return 2 if difference.deletes and not difference.writes else 0


def _apply(difference: _Difference, editor: KintoEditor, reviewer: KintoEditor | None) -> PushResult:
    workspace = difference.workspace
    if difference.status is None:
        editor.create(workspace)
    for record in difference.writes:
        existing, file = difference.existing.get(record["id"]), difference.files.get(record["id"])
        editor.put(workspace, _payload(record, existing, keep_attachment=file is None), existing)
        if file:
            editor.attach(workspace, record["id"], file, record["attachment"])
    for identifier in difference.deletes:
        editor.delete(workspace, difference.existing[identifier])
    changed = bool(difference.writes or difference.deletes)
    return difference.result(
        _publish(workspace, "work-in-progress" if changed else difference.status, editor, reviewer)
    )


def _publish(workspace: Workspace, status: str | None, editor: KintoEditor, reviewer: KintoEditor | None) -> str:
    """Take the remaining steps until a collection is signed. Returns its final status."""
    if status in ("signed", None):  # the server signs a new collection itself
        return "signed"
    if not workspace.needs_review:
        editor.set_status(workspace, "to-sign")
        return "signed"
    if status != "to-review":
        editor.set_status(workspace, "to-review")
    if reviewer is None:
        return "to-review"
    reviewer.set_status(workspace, "to-sign")
    return "signed"


def _payload(record: Record, existing: Record | None, *, keep_attachment: bool) -> Record:
    """Build the record to write. Its attachment is the server's own entry, or follows with the upload."""
    written = _omit(record, ("last_modified", "attachment"))
    if keep_attachment and existing and "attachment" in record:
        written["attachment"] = existing["attachment"]
    return written


def _comparable(record: Mapping[str, Any] | None) -> Any:
    """Reduce a record to the fields to compare. Timestamps and attachment locations are the server's own."""
    if record is None:
        return None
    return _omit(record, (*_SERVER_FIELDS, "attachment")), _attachment_fields(record)


def _attachment_fields(record: Mapping[str, Any] | None) -> Any:
    attachment = (record or {}).get("attachment") or {}
    return {name: attachment.get(name) for name in ("filename", "hash", "mimetype", "size")}


def _omit(record: Mapping[str, Any], names: Iterable[str]) -> Record:
    return {key: value for key, value in record.items() if key not in names}
