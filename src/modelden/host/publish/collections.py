"""The collections that a settings server publishes, in memory, signed on each change.

A collection's state is one immutable value that is replaced as a whole: a request that runs while
records change sees the old or the new state, never a mixture.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modelden.host.publish.clock import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

type Record = dict[str, Any]


class Chain(Protocol):
    """The certificates of a signer."""

    @property
    def name(self) -> str:
        """Name of the chain file."""

    @property
    def pem(self) -> bytes:
        """The certificates, leaf first."""

    @property
    def root_hash(self) -> str:
        """SHA-256 of the root, as clients pin it."""


class SignsCollections(Protocol):
    """`modelden.host.keys.signer.Signer`, or what stands for it where no keys are."""

    @property
    def chain(self) -> Chain:
        """Its certificates."""

    def sign(self, records: Iterable[Mapping[str, Any]], timestamp: int) -> str:
        """The signature of these records at this timestamp."""


@dataclass(frozen=True, slots=True)
class CollectionState:
    """What a collection publishes at one moment.

    Attributes:
        timestamp: When records last changed; it is signed.
        records: The live records by identifier.
        deleted: The tombstones by identifier.
        signature: Over `records` and `timestamp`, unless a test wanted it otherwise; None for an
            unsigned collection.
    """

    timestamp: int
    records: Mapping[str, Record]
    deleted: Mapping[str, Record]
    signature: str | None

    def changes(self, since: int | None = None) -> list[Record]:
        """Newest first: all records, or what changed after ``since``, tombstones included."""
        found = list(self.records.values())
        if since is not None:
            found = [each for each in (*found, *self.deleted.values()) if each["last_modified"] > since]
        return sorted(found, key=lambda record: record["last_modified"], reverse=True)


class Collection:
    """One collection of a bucket.

    Changing it gives the changed records a new ``last_modified``, the collection a new timestamp
    (later than the old one, whatever the clock says) and a new signature.
    """

    def __init__(
        self,
        bucket: str,
        name: str,
        records: Iterable[Mapping[str, Any]] = (),
        *,
        timestamp: int | None = None,
        deleted: Iterable[Record] = (),
        signer: SignsCollections | None,
        now: Callable[[], int] = milliseconds,
    ) -> None:
        self.bucket = bucket
        self.name = name
        self.signer = signer
        self._now = now
        self._lock = threading.Lock()
        timestamp = timestamp or now()
        live = _by_id(records, default_timestamp=timestamp)
        self._state = self._signed(timestamp, live, {each["id"]: each for each in deleted})

    @property
    def state(self) -> CollectionState:
        """What is published now."""
        return self._state

    def publish(self, *records: Mapping[str, Any]) -> int:
        """Add records, or replace those with the same identifier; returns the new timestamp."""
        with self._lock:
            timestamp = self._later()
            new = {record["id"]: {**record, "last_modified": timestamp} for record in records}
            deleted = {key: each for key, each in self._state.deleted.items() if key not in new}
            self._state = self._signed(timestamp, {**self._state.records, **new}, deleted)
        return timestamp

    def update(self, identifier: str, **fields: Any) -> int:
        """Change fields of one record; returns the new timestamp.

        Raises:
            KeyError: There is no such record.
        """
        return self.publish({**self._state.records[identifier], **fields})

    def delete(self, *identifiers: str) -> int:
        """Leave tombstones of records; returns the new timestamp.

        Raises:
            KeyError: There is no such record.
        """
        with self._lock:
            timestamp = self._later()
            records = dict(self._state.records)
            for identifier in identifiers:
                del records[identifier]
            tombstones = _tombstones(identifiers, timestamp)
            deleted = {**self._state.deleted, **tombstones}
            self._state = self._signed(timestamp, records, deleted)
        return timestamp

    def replace(
        self,
        records: Iterable[Mapping[str, Any]],
        *,
        timestamp: int | None = None,
        sign: bool = True,
    ) -> int:
        """Publish these records instead of all present ones; returns the new timestamp.

        Args:
            records: Unchanged ones may keep their ``last_modified``; without one it is the new
                timestamp. Records that are missing here leave tombstones.
            timestamp: The new timestamp, which may even lie in the past; the clock's without it.
            sign: False keeps the old signature, as an attacker would have to.
        """
        with self._lock:
            timestamp = timestamp or self._later()
            live = _by_id(records, default_timestamp=timestamp)
            gone = [key for key in self._state.records if key not in live]
            kept = {key: each for key, each in self._state.deleted.items() if key not in live}
            deleted = {**kept, **_tombstones(gone, timestamp)}
            signature = self._state.signature
            self._state = (
                self._signed(timestamp, live, deleted) if sign else CollectionState(timestamp, live, deleted, signature)
            )
        return timestamp

    def sign(self, signer: SignsCollections | None) -> None:
        """Sign the present records by another signer, or by none; the timestamp stays."""
        with self._lock:
            self.signer = signer
            state = self._state
            self._state = self._signed(state.timestamp, state.records, state.deleted)

    def _later(self) -> int:
        return max(self._now(), self._state.timestamp + 1)

    def _signed(self, timestamp: int, records: Mapping[str, Record], deleted: Mapping[str, Record]) -> CollectionState:
        signature = self.signer.sign(records.values(), timestamp) if self.signer else None
        return CollectionState(timestamp, records, deleted, signature)


class Collections:
    """All collections of a server, by bucket and name."""

    def __init__(self, signer: SignsCollections | None, *, now: Callable[[], int] = milliseconds) -> None:
        self.signer = signer
        self.now = now
        self._collections: dict[tuple[str, str], Collection] = {}

    def __iter__(self) -> Iterator[Collection]:
        return iter(list(self._collections.values()))

    def __getitem__(self, key: tuple[str, str]) -> Collection:
        """The collection of this bucket and name.

        Raises:
            KeyError: There is none.
        """
        return self._collections[key]

    def add(
        self,
        bucket: str,
        name: str,
        records: Iterable[Mapping[str, Any]] = (),
        timestamp: int | None = None,
        *,
        deleted: Iterable[Record] = (),
        signer: SignsCollections | None = None,
    ) -> Collection:
        """Publish a collection, in the place of one with the same name if there is one.

        Args:
            bucket: Its bucket.
            name: Its name.
            records: Its live records.
            timestamp: When they last changed; the clock's time without it.
            deleted: Tombstones of records that were there.
            signer: Who signs it, if not the signer of all.
        """
        collection = Collection(
            bucket,
            name,
            records,
            timestamp=timestamp,
            deleted=deleted,
            signer=signer or self.signer,
            now=self.now,
        )
        self._collections[bucket, name] = collection
        return collection

    def get(self, bucket: str, name: str) -> Collection | None:
        """The collection of this bucket and name, if there is one."""
        return self._collections.get((bucket, name))

    def become(self, other: Collections) -> None:
        """Publish what ``other`` has, from the next request on."""
        self.signer = other.signer
        self._collections = dict(other._collections)

    def has_bucket(self, bucket: str) -> bool:
        """Whether any collection lies in this bucket."""
        return any(key[0] == bucket for key in list(self._collections))

    def chain(self, name: str) -> bytes | None:
        """The PEM of the certificate chain with this name, if a collection is signed by it."""
        signers = [self.signer, *(each.signer for each in self)]
        return next((each.chain.pem for each in signers if each and each.chain.name == name), None)


def _by_id(records: Iterable[Mapping[str, Any]], *, default_timestamp: int) -> dict[str, Record]:
    return {record["id"]: {"last_modified": default_timestamp, **record} for record in records}


def _tombstones(identifiers: Iterable[str], timestamp: int) -> dict[str, Record]:
    return {each: {"id": each, "last_modified": timestamp, "deleted": True} for each in identifiers}
