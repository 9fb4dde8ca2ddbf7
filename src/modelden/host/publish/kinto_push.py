"""Bring a tree's records and attachments to a Remote Settings server, through its review, as people edit there.

The server's workspace is compared with the tree, so a second push changes nothing, and one that broke off is gone on
with. Nobody sees the workspace: a collection becomes visible as a whole when it is signed.
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
from modelden.host.publish.release import OPTIONS, sha256_of
from modelden.host.publish.transaction import alone
from modelden.host.publish.tree import Tree

_OF_THE_SERVER = ("last_modified", "schema")
"""Fields that the server sets by itself, the second one where its collection has a schema."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did with a collection, or would do.

    Attributes:
        collection: Its name.
        created: Identifiers of new records.
        updated: Of those that were other ones.
        deleted: Of those that are not in the tree.
        uploaded: Names of the attachments that were sent.
        status: ``signed``: clients see it; ``to-review``: somebody has to approve; ``to-push`` after a dry run.
    """

    collection: str
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    status: str = "signed"


def push(
    tree: Tree, editor: KintoEditor, reviewer: KintoEditor | None = None, *, dry_run: bool = False
) -> list[Pushed]:
    """Make the server's collections those of the tree; collections that the tree does not have are left alone.

    Args:
        tree: The published tree.
        editor: Who writes and asks for reviews.
        reviewer: Who approves; None leaves that to people, where the server wants a review.
        dry_run: Only compare.

    Returns:
        What happened, in the order in which it did.

    Raises:
        TreeError: The tree cannot be read, or an attachment is not what its record says; `TreeBusy` if it is held.
        RemoteError: The server does not answer, or refuses.
        MachineError: A file cannot be read.
    """
    with alone(tree.folder):
        changes = [_compare(tree, editor, each) for each in tree.collections() if each.bucket == BUCKET]
        for each in changes:
            each.check_files()
        changes.sort(key=_turn)
        return [each.told("to-push") if dry_run else _apply(each, editor, reviewer) for each in changes]


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a collection of the server needs to be that of the tree.

    Attributes:
        name: Its name.
        where: Where it is edited.
        status: Of kinto-signer; None if the server does not have the collection.
        puts: Records to write.
        files: Attachments to upload, by record.
        known: The records of the server that are replaced or deleted.
        gone: Identifiers of those to delete.
    """

    name: str
    where: Workspace
    status: str | None
    puts: list[Record]
    files: dict[str, Path]
    known: dict[str, Record]
    gone: list[str]

    def told(self, status: str) -> Pushed:
        if not (self.puts or self.gone) and self.status == "signed":
            status = "signed"
        created = [each["id"] for each in self.puts if each["id"] not in self.known]
        updated = [each["id"] for each in self.puts if each["id"] in self.known]
        names = [each["attachment"]["filename"] for each in self.puts if each["id"] in self.files]
        return Pushed(self.name, created, updated, self.gone, names, status)

    def check_files(self) -> None:
        """Look at the attachments before anything is written."""
        for each in self.puts:
            file = self.files.get(each["id"])
            if file and (not file.is_file() or sha256_of(file) != each["attachment"]["hash"]):
                raise TreeError(f"{file} is not what its record says: `modelden verify` tells more.")


def _compare(tree: Tree, editor: KintoEditor, collection: Collection) -> _Changes:
    where = editor.workspace(BUCKET, collection.name)
    status = editor.status(where)
    there = editor.records(where) if status is not None else {}
    records = collection.state.records
    puts = [each for key, each in records.items() if _content(each) != _content(there.get(key))]
    files = {
        each["id"]: tree.attachments / each["attachment"]["location"]
        for each in puts
        if "attachment" in each and _file(each) != _file(there.get(each["id"]))
    }
    gone = [key for key in there if key not in records]
    return _Changes(collection.name, where, status, puts, files, there, gone)


def _turn(changes: _Changes) -> int:
    """First what nobody points to yet, then the options that point to it, last what nobody points to any more."""
    if changes.name == OPTIONS:
        return 1
    return 2 if changes.gone and not changes.puts else 0


def _apply(changes: _Changes, editor: KintoEditor, reviewer: KintoEditor | None) -> Pushed:
    where = changes.where
    if changes.status is None:
        editor.create(where)
    for each in changes.puts:
        known, file = changes.known.get(each["id"]), changes.files.get(each["id"])
        editor.put(where, _to_write(each, known, keep_file=file is None), known)
        if file:
            editor.attach(where, each["id"], file, each["attachment"])
    for identifier in changes.gone:
        editor.delete(where, changes.known[identifier])
    changed = bool(changes.puts or changes.gone)
    return changes.told(_publish(where, "work-in-progress" if changed else changes.status, editor, reviewer))


def _publish(where: Workspace, status: str | None, editor: KintoEditor, reviewer: KintoEditor | None) -> str:
    """Take the steps that are left until a collection is signed; what it is then."""
    if status in ("signed", None):  # the server signs what it makes
        return "signed"
    if not where.needs_review:
        editor.set_status(where, "to-sign")
        return "signed"
    if status != "to-review":
        editor.set_status(where, "to-review")
    if reviewer is None:
        return "to-review"
    reviewer.set_status(where, "to-sign")
    return "signed"


def _to_write(record: Record, known: Record | None, *, keep_file: bool) -> Record:
    """The record; its attachment is what the server made of the file, or comes with the upload."""
    written = _without(record, ("last_modified", "attachment"))
    if keep_file and known and "attachment" in record:
        written["attachment"] = known["attachment"]
    return written


def _content(record: Mapping[str, Any] | None) -> Any:
    """What two records have to have in common: the server has its own times and places."""
    if record is None:
        return None
    return _without(record, (*_OF_THE_SERVER, "attachment")), _file(record)


def _file(record: Mapping[str, Any] | None) -> Any:
    attachment = (record or {}).get("attachment") or {}
    return {name: attachment.get(name) for name in ("filename", "hash", "mimetype", "size")}


def _without(record: Mapping[str, Any], names: Iterable[str]) -> Record:
    return {key: each for key, each in record.items() if key not in names}
