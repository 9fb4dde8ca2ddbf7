"""A tree that is being changed: records are edited in memory, then everything becomes visible at once.

Sample usage::

    with Publisher.open(folder, chain) as publisher:
        publisher.put("ml-model-allow-deny-list", {"id": "x", "filter": "DENY", "urlPrefix": "https://bad.example/"})
        publisher.commit()

Collections become visible in the order in which they were edited, after all files and before the monitor. So publish
first what nobody points to yet (a manifest), then what points to it (the options).
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
from modelden.host.publish.static_layout import (
    MONITOR,
    ROOT_PAGE,
    PublishedCollection,
    changeset_file,
    changeset_path,
    monitor_file,
    root_file,
)
from modelden.host.publish.transaction import Transaction, alone
from modelden.host.publish.tree import MARKER, Tree, TreeFacts

BUCKET = "main"

LEAST_VALIDITY = timedelta(days=7)
"""A chain that ends sooner signs nothing new: clients begin to look for a new signature a week before."""


class Publisher:
    """The tree and its edits. Made by `open`.

    Attributes:
        tree: The tree's folders.
        facts: What is to be in `modelden.json`.
        files: The new files.
    """

    def __init__(
        self, tree: Tree, facts: TreeFacts, chain: SigningChain, now: Callable[[], int] = milliseconds
    ) -> None:
        """Read the collections."""
        self.tree = tree
        self.facts = facts
        self.files = Transaction(tree.folder)
        self._chain = chain
        self._collections = tree.sources(Signer(chain), now)
        self._edited: list[tuple[str, str]] = []
        for each in list(self._collections):
            self._take_edits(each)

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
        """Hold the tree until the block ends; what was not committed by then is thrown away.

        Args:
            folder: The tree; made if it is not there or empty.
            chain: Signs.
            public_url: Where the tree will be served; None keeps what the tree knows.
            now: The clock.

        Raises:
            TreeError: The folder is something else, or a tree of another version; `TreeBusy` if it is held.
            KeysError: The chain ends too soon.
            InputError: The URL is none.
            MachineError: The folder cannot be written.
        """
        refuse_expiring(chain, datetime.fromtimestamp(now() / 1000, UTC))
        _refuse_other_folders(folder)
        with alone(folder):
            facts = TreeFacts.read(folder)
            if public_url is not None:
                facts = TreeFacts(publicUrl=_checked_url(public_url))
            with machine_errors(f"Cannot write {folder}"):
                (folder / "settings" / BUCKET).mkdir(parents=True, exist_ok=True)
            publisher = cls(Tree(folder), facts, chain, now)
            try:
                yield publisher
            finally:
                publisher.files.abandon()

    @property
    def root_hash(self) -> str:
        """What clients are to pin."""
        return self._chain.root_hash

    @property
    def signed_until(self) -> str:
        """The day on which what is signed now ends."""
        return f"{self._chain.leaf.certificate.not_valid_after_utc:%Y-%m-%d}"

    def records(self, name: str) -> dict[str, Record]:
        """The records of a collection of the bucket `main`, by identifier."""
        collection = self._collections.get(BUCKET, name)
        return dict(collection.state.records) if collection else {}

    def ensure(self, name: str) -> Collection:
        """Have the collection, if only an empty one: a client that finds none refuses to go on."""
        collection = self._collections.get(BUCKET, name)
        if collection is None:
            collection = self._collections.add(BUCKET, name)
            self._edited.append((BUCKET, name))
        return collection

    def put(self, name: str, *records: Mapping[str, Any]) -> bool:
        """Add records or replace those with their identifiers; False if all are there as they are."""
        known = self.records(name)
        new = [each for each in records if _content(known.get(each["id"])) != _content(each)]
        collection = self.ensure(name)
        if new:
            collection.publish(*new)
            self._note(name)
        return bool(new)

    def delete(self, name: str, *identifiers: str) -> None:
        """Remove records.

        Raises:
            KeyError: There is no such record.
        """
        if identifiers:
            self._collections[BUCKET, name].delete(*identifiers)
            self._note(name)

    def changes(self) -> list[str]:
        """The collections that were edited, in the order in which they will become visible."""
        return [f"{bucket}/{name}" for bucket, name in self._edited]

    def commit(self) -> None:
        """Make all of it visible. Collections whose signature is not of this chain are signed anew.

        Raises:
            MachineError: Then the old state is there, whole.
        """
        with machine_errors(f"Cannot write {self.tree.folder}"):
            self._stage()
        self.files.commit()

    def _take_edits(self, collection: Collection) -> None:
        """Records that somebody edited by hand get a new time: clients look at nothing else."""
        there = self._published(collection.bucket, collection.name)
        state = collection.state
        if there is None or there.timestamp < state.timestamp:
            return
        before = {each["id"]: each for each in there.records}
        if before != state.records:
            fresh = [each if before.get(key) == each else _content(each) for key, each in state.records.items()]
            deleted = state.deleted.values()
            replaced = self._collections.add(
                collection.bucket, collection.name, there.records, there.timestamp, deleted=deleted
            )
            replaced.replace([each for each in fresh if each])
            self._edited.append((collection.bucket, collection.name))

    def _published(self, bucket: str, name: str) -> PublishedCollection | None:
        """What is in the tree; nothing where it is damaged, for it will be replaced."""
        try:
            return PublishedCollection.read(self.tree.folder / changeset_path(bucket, name))
        except TreeError:
            return None

    def _stage(self) -> None:
        url = self.facts.publicUrl
        self.files.write(f"chains/{self._chain.name}.chain", self._chain.pem)
        for each in self._in_order():
            if (each.bucket, each.name) in self._edited:
                self.files.write(f"settings/{each.bucket}/{each.name}.json", _source(each))
        for each in self._in_order():
            if self._is_stale(each):
                self.files.write(changeset_path(each.bucket, each.name), changeset_file(each, url))
        self.files.write(MONITOR, monitor_file(self._collections, urlsplit(url or "").netloc))
        self.files.write(ROOT_PAGE, root_file(url))
        self.files.write(MARKER, self.facts.to_bytes())

    def _in_order(self) -> list[Collection]:
        edited = [self._collections[key] for key in self._edited]
        return edited + [each for each in self._collections if (each.bucket, each.name) not in self._edited]

    def _is_stale(self, collection: Collection) -> bool:
        """Whether the changeset in the tree is another one than that of these records and this chain."""
        there = self._published(collection.bucket, collection.name)
        return (
            there is None
            or there.timestamp != collection.state.timestamp
            or there.chain_name != self._chain.name
            or there.x5u.startswith("http") != (self.facts.publicUrl is not None)
            or not there.x5u.startswith(self.facts.publicUrl or "")
            or {each["id"]: each for each in there.records} != collection.state.records
        )

    def _note(self, name: str) -> None:
        if (BUCKET, name) not in self._edited:
            self._edited.append((BUCKET, name))


def refuse_expiring(chain: SigningChain, now: datetime) -> None:
    """Return if the chain may sign something new.

    Raises:
        KeysError: One of its certificates ends too soon, or has not begun; with the date.
    """
    for what, authority in (("leaf", chain.leaf), ("intermediate", chain.intermediate), ("root", chain.root)):
        certificate = authority.certificate
        end, begin = certificate.not_valid_after_utc, certificate.not_valid_before_utc
        if end - now < LEAST_VALIDITY:
            word = "ended" if end < now else "ends"
            raise KeysError(
                f"The {what} certificate {word} on {end:%Y-%m-%d}, too soon for clients to trust what it signs today "
                f"({now:%Y-%m-%d}). `modelden keys rotate` makes a new leaf and, with --intermediate, a new "
                "intermediate; a new root needs new keys, and clients need its hash."
            )
        if now < begin:
            raise KeysError(
                f"The {what} certificate is not valid before {begin:%Y-%m-%d}; is this machine's clock right?"
            )


def _refuse_other_folders(folder: Path) -> None:
    """Guard what somebody named by mistake.

    Raises:
        TreeError: The folder holds something that is no tree.
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


def _source(collection: Collection) -> bytes:
    state = collection.state
    content = {
        "timestamp": state.timestamp,
        "records": list(state.records.values()),
        "deleted": list(state.deleted.values()),
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def _content(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A record without what publishing adds to it."""
    return None if record is None else {key: value for key, value in record.items() if key != "last_modified"}
