"""An editor of a tree: records are edited in memory, then a commit publishes all changes at once.

Sample usage::

    with Publisher.open(folder, chain) as publisher:
        publisher.put("ml-model-allow-deny-list", {"id": "x", "filter": "DENY", "urlPrefix": "https://bad.example/"})
        publisher.commit()

Collections become visible in the order of their edits, after all files and before the monitor. So edit referenced
records (a manifest) before the records that refer to them (the options).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from modelden.errors import InputError
from modelden.host.errors import KeysError, TreeError, machine_errors
from modelden.host.keys.certificates import SigningChain
from modelden.host.keys.signer import Signer
from modelden.host.publish.clock import milliseconds
from modelden.host.publish.collections import Collection, Record
from modelden.host.publish.record_check import check_records
from modelden.host.publish.static_layout import (
    MONITOR,
    ROOT_PAGE,
    PublishedCollection,
    changeset_file,
    changeset_path,
    monitor_file,
    root_file,
)
from modelden.host.publish.transaction import Transaction, exclusive
from modelden.host.publish.tree import MARKER, Tree, TreeFacts
from modelden.settings.changeset import IDENTITY, identity_record

BUCKET = "main"

MIN_VALIDITY = timedelta(days=7)
"""Minimum remaining validity of a chain that signs. Clients look for a new signature a week before the end."""


class Publisher:
    """The edits of a tree. Created by `open`.

    Attributes:
        tree: The tree's folders.
        facts: The new content of `modelden.json`.
        files: The new files.
    """

    def __init__(
        self, tree: Tree, facts: TreeFacts, chain: SigningChain, now: Callable[[], int] = milliseconds
    ) -> None:
        self.tree = tree
        self.facts = facts
        self.files = Transaction(tree.folder)
        self._chain = chain
        self._collections = tree.sources(Signer(chain), now)
        self._edited: list[tuple[str, str]] = []
        for collection in list(self._collections):
            self._stamp_manual_edits(collection)

    @classmethod
    @contextmanager
    def open(
        cls,
        folder: Path,
        chain: SigningChain,
        *,
        public_url: str | None = None,
        now: Callable[[], int] = milliseconds,
    ) -> Iterator[Self]:
        """Lock the tree until the block ends. Uncommitted changes are then discarded.

        Args:
            folder: The tree; created if it is missing or empty.
            chain: Signs the collections.
            public_url: URL of the served tree; None keeps the stored one.
            now: Returns the current time in milliseconds.

        Raises:
            TreeError: The folder has other files, or a tree of another version; `TreeBusy` if it is locked.
            KeysError: The chain expires too soon.
            InputError: The URL is invalid.
            MachineError: The folder cannot be written.
        """
        check_validity(chain, datetime.fromtimestamp(now() / 1000, UTC))
        _check_folder(folder)
        with exclusive(folder):
            facts = TreeFacts.read(folder)
            if public_url is not None:
                facts = TreeFacts(publicUrl=_checked_url(public_url))
            with machine_errors(f"Cannot write {folder}"):
                (folder / "settings" / BUCKET).mkdir(parents=True, exist_ok=True)
            publisher = cls(Tree(folder), facts, chain, now)
            try:
                yield publisher
            finally:
                publisher.files.rollback()

    @property
    def root_hash(self) -> str:
        """Root hash for clients to pin."""
        return self._chain.root_hash

    @property
    def signed_until(self) -> str:
        """Day on which new signatures expire."""
        return f"{self._chain.leaf.certificate.not_valid_after_utc:%Y-%m-%d}"

    def records(self, name: str) -> dict[str, Record]:
        """Return the records of a collection of the bucket `main`, by identifier, without that of its identity."""
        collection = self._collections.get(BUCKET, name)
        return {key: each for key, each in (collection.state.records if collection else {}).items() if key != IDENTITY}

    def ensure(self, name: str) -> Collection:
        """Create the collection if it is missing: clients refuse a server without it."""
        collection = self._collections.get(BUCKET, name)
        if collection is None:
            collection = self._collections.add(BUCKET, name)
            self._edited.append((BUCKET, name))
        return collection

    def put(self, name: str, *records: Mapping[str, Any]) -> bool:
        """Add records or replace those with their identifiers; False if nothing changes."""
        existing = self.records(name)
        new = [
            record for record in records if _without_timestamp(existing.get(record["id"])) != _without_timestamp(record)
        ]
        collection = self.ensure(name)
        if new:
            collection.publish(*new)
            self._mark_edited(name)
        return bool(new)

    def delete(self, name: str, *identifiers: str) -> None:
        """Remove records.

        Raises:
            KeyError: There is no such record.
        """
        if identifiers:
            self._collections[BUCKET, name].delete(*identifiers)
            self._mark_edited(name)

    def changes(self) -> list[str]:
        """List the edited collections, in the order in which they will become visible."""
        return [f"{bucket}/{name}" for bucket, name in self._edited]

    def commit(self) -> None:
        """Publish all changes. Signs collections again whose signature is of another chain.

        Raises:
            TreeError, MachineError: Clients would refuse a record, or it cannot be written. The old state is unchanged.
        """
        check_records(self._collections)
        self._identify()
        with machine_errors(f"Cannot write {self.tree.folder}"):
            self._stage()
        self.files.commit()

    def _identify(self) -> None:
        """Let each collection name itself and all collections of its bucket, so that none can be left out unnoticed."""
        for collection in self._collections:
            key, state = (collection.bucket, collection.name), collection.state
            record = identity_record(*key, [each.name for each in self._collections if each.bucket == key[0]])
            if _without_timestamp(state.records.get(IDENTITY)) == record:
                continue
            if key in self._edited:  # its new timestamp is not visible yet
                others = [each for each in state.records.values() if each["id"] != IDENTITY]
                collection.replace([*others, record], timestamp=state.timestamp)
            else:
                collection.publish(record)
                self._edited.append(key)

    def _stamp_manual_edits(self, collection: Collection) -> None:
        """Give manually edited records a new timestamp: clients compare nothing else."""
        published = self._published(collection.bucket, collection.name)
        state = collection.state
        if published is None or published.timestamp < state.timestamp:
            return
        published_records = {record["id"]: record for record in published.records}
        if published_records != state.records:
            records = [
                record if published_records.get(key) == record else _without_timestamp(record)
                for key, record in state.records.items()
            ]
            deleted = state.deleted.values()
            replaced = self._collections.add(
                collection.bucket, collection.name, published.records, published.timestamp, deleted=deleted
            )
            replaced.replace([record for record in records if record])
            self._edited.append((collection.bucket, collection.name))

    def _published(self, bucket: str, name: str) -> PublishedCollection | None:
        """Read the changeset in the tree; None if it is damaged, since it will be replaced."""
        try:
            return PublishedCollection.read(self.tree.folder / changeset_path(bucket, name))
        except TreeError:
            return None

    def _stage(self) -> None:
        url = self.facts.publicUrl
        self.files.write(f"chains/{self._chain.name}.chain", self._chain.pem)
        for collection in self._commit_order():
            if (collection.bucket, collection.name) in self._edited:
                self.files.write(f"settings/{collection.bucket}/{collection.name}.json", _source_file(collection))
        for collection in self._commit_order():
            if self._is_stale(collection):
                self.files.write(changeset_path(collection.bucket, collection.name), changeset_file(collection, url))
        self.files.write(MONITOR, monitor_file(self._collections, urlsplit(url or "").netloc))
        self.files.write(ROOT_PAGE, root_file(url))
        self.files.write(MARKER, self.facts.to_bytes())

    def _commit_order(self) -> list[Collection]:
        edited = [self._collections[key] for key in self._edited]
        return edited + [each for each in self._collections if (each.bucket, each.name) not in self._edited]

    def _is_stale(self, collection: Collection) -> bool:
        """Compare the changeset in the tree with these records and this chain."""
        published = self._published(collection.bucket, collection.name)
        return (
            published is None
            or published.timestamp != collection.state.timestamp
            or published.chain_name != self._chain.name
            or published.x5u.startswith("http") != (self.facts.publicUrl is not None)
            or not published.x5u.startswith(self.facts.publicUrl or "")
            or {record["id"]: record for record in published.records} != collection.state.records
        )

    def _mark_edited(self, name: str) -> None:
        if (BUCKET, name) not in self._edited:
            self._edited.append((BUCKET, name))


def check_validity(chain: SigningChain, now: datetime) -> None:
    """Check that the chain may sign now.

    Raises:
        KeysError: A certificate expires too soon, or is not valid yet.
    """
    for role, authority in (("leaf", chain.leaf), ("intermediate", chain.intermediate), ("root", chain.root)):
        certificate = authority.certificate
        end, begin = certificate.not_valid_after_utc, certificate.not_valid_before_utc
        if end - now < MIN_VALIDITY:
            verb = "ended" if end < now else "ends"
            raise KeysError(
                f"The {role} certificate {verb} on {end:%Y-%m-%d}, too soon for clients to trust what it signs today "
                f"({now:%Y-%m-%d}). `modelden keys rotate` makes a new leaf and, with --intermediate, a new "
                "intermediate; a new root needs new keys, and clients need its hash."
            )
        if now < begin:
            raise KeysError(
                f"The {role} certificate is not valid before {begin:%Y-%m-%d}; is this machine's clock right?"
            )


def _check_folder(folder: Path) -> None:
    """Protect other folders from a mistaken path.

    Raises:
        TreeError: The folder is no tree and not empty.
    """
    if folder.is_dir():
        names = {path.name for path in folder.iterdir()}
        if names and not names & {MARKER, "settings", ".modelden"}:
            raise TreeError(
                f"{folder} is not empty and is not a modelden tree (it has {min(names)}): name another folder."
            )
    elif folder.exists():
        raise TreeError(f"{folder} is a file, expected a folder for the tree.")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"--public-url: expected an http(s) URL without query, got {url!r}.")
    return url.rstrip("/")


def _source_file(collection: Collection) -> bytes:
    state = collection.state
    content = {
        "timestamp": state.timestamp,
        "records": list(state.records.values()),
        "deleted": list(state.deleted.values()),
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def _without_timestamp(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Copy a record without the timestamp that publishing adds."""
    return None if record is None else {key: value for key, value in record.items() if key != "last_modified"}
