"""The collections of a settings server, in memory, signed on each change.

The state of a collection is one immutable value that is replaced as a whole. A concurrent request therefore sees either
the old state or the new one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modelden.host.publish.clock import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

type Record = dict[str, Any]


class CertificateChain(Protocol):
    """Certificate chain of a signer."""

    @property
    def name(self) -> str:
        """Name of the chain file."""

    @property
    def pem(self) -> bytes:
        """The certificates, leaf first."""

    @property
    def root_hash(self) -> str:
        """SHA-256 of the root, in the form that clients pin."""


class CollectionSigner(Protocol):
    """Signs collections: `modelden.host.keys.signer.Signer`, or `PublishedSigner` without keys."""

    @property
    def chain(self) -> CertificateChain:
        """Certificate chain of the signatures."""

    def sign(self, records: Iterable[Mapping[str, Any]], timestamp: int) -> str:
        """Sign these records at this timestamp."""


@dataclass(frozen=True, slots=True)
class CollectionState:
    """The published state of a collection.

    Attributes:
        timestamp: Time of the last change; it is signed.
        records: The live records by identifier.
        deleted: The tombstones by identifier.
        signature: Signature of `records` and `timestamp`, unless a test chose otherwise; None for an unsigned
            collection.
    """

    timestamp: int
    records: Mapping[str, Record]
    deleted: Mapping[str, Record]
    signature: str | None

    def changes(self, since: int | None = None) -> list[Record]:
        """List all records, or the changes after ``since`` with tombstones; newest first."""
        records = list(self.records.values())
        if since is not None:
            records = [record for record in (*records, *self.deleted.values()) if record["last_modified"] > since]
        return sorted(records, key=lambda record: record["last_modified"], reverse=True)


class Collection:
    """One collection of a bucket.

    A change gives the changed records a new ``last_modified``, and the collection a new signature and a new timestamp,
    which is later than the old one even if the clock is not.
    """

    def __init__(
        self,
        bucket: str,
        name: str,
        records: Iterable[Mapping[str, Any]] = (),
        *,
        timestamp: int | None = None,
        deleted: Iterable[Record] = (),
        signer: CollectionSigner | None,
        now: Callable[[], int] = milliseconds,
    ) -> None:
        self.bucket = bucket
        self.name = name
        self.signer = signer
        self._now = now
        self._lock = threading.Lock()
        timestamp = timestamp or now()
        live = _by_id(records, default_timestamp=timestamp)
        self._state = self._sign_state(timestamp, live, {record["id"]: record for record in deleted})

    @property
    def state(self) -> CollectionState:
        """The current state."""
        return self._state

    def publish(self, *records: Mapping[str, Any]) -> int:
        """Add records, or replace those with the same identifier; returns the new timestamp."""
        with self._lock:
            timestamp = self._next_timestamp()
            new = {record["id"]: {**record, "last_modified": timestamp} for record in records}
            deleted = {key: record for key, record in self._state.deleted.items() if key not in new}
            self._state = self._sign_state(timestamp, {**self._state.records, **new}, deleted)
        return timestamp

    def update(self, identifier: str, **fields: Any) -> int:
        """Change fields of one record; returns the new timestamp.

        Raises:
            KeyError: There is no such record.
        """
        return self.publish({**self._state.records[identifier], **fields})

    def delete(self, *identifiers: str) -> int:
        """Replace records with tombstones; returns the new timestamp.

        Raises:
            KeyError: There is no such record.
        """
        with self._lock:
            timestamp = self._next_timestamp()
            records = dict(self._state.records)
            for identifier in identifiers:
                del records[identifier]
            tombstones = _tombstones(identifiers, timestamp)
            deleted = {**self._state.deleted, **tombstones}
            self._state = self._sign_state(timestamp, records, deleted)
        return timestamp

    def replace(
        self,
        records: Iterable[Mapping[str, Any]],
        *,
        timestamp: int | None = None,
        sign: bool = True,
    ) -> int:
        """Publish these records in place of all others; returns the new timestamp.

        Args:
            records: Unchanged records may keep their ``last_modified``; without one it is the new timestamp. Missing
                records become tombstones.
            timestamp: The new timestamp, which may lie in the past; None takes the clock's.
            sign: False keeps the old signature, as an attacker would have to.
        """
        with self._lock:
            timestamp = timestamp or self._next_timestamp()
            live = _by_id(records, default_timestamp=timestamp)
            removed = [key for key in self._state.records if key not in live]
            retained = {key: record for key, record in self._state.deleted.items() if key not in live}
            deleted = {**retained, **_tombstones(removed, timestamp)}
            signature = self._state.signature
            self._state = (
                self._sign_state(timestamp, live, deleted)
                if sign
                else CollectionState(timestamp, live, deleted, signature)
            )
        return timestamp

    def sign(self, signer: CollectionSigner | None) -> None:
        """Sign the current records with another signer, or remove the signature. The timestamp stays."""
        with self._lock:
            self.signer = signer
            state = self._state
            self._state = self._sign_state(state.timestamp, state.records, state.deleted)

    def _next_timestamp(self) -> int:
        return max(self._now(), self._state.timestamp + 1)

    def _sign_state(
        self, timestamp: int, records: Mapping[str, Record], deleted: Mapping[str, Record]
    ) -> CollectionState:
        signature = self.signer.sign(records.values(), timestamp) if self.signer else None
        return CollectionState(timestamp, records, deleted, signature)


class Collections:
    """All collections of a server, by bucket and name."""

    def __init__(self, signer: CollectionSigner | None, *, now: Callable[[], int] = milliseconds) -> None:
        self.signer = signer
        self.now = now
        self._collections: dict[tuple[str, str], Collection] = {}

    def __iter__(self) -> Iterator[Collection]:
        return iter(list(self._collections.values()))

    def __getitem__(self, key: tuple[str, str]) -> Collection:
        """Return the collection of this bucket and name.

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
        signer: CollectionSigner | None = None,
    ) -> Collection:
        """Publish a collection, in place of one with the same name.

        Args:
            bucket: Its bucket.
            name: Its name.
            records: Its live records.
            timestamp: Time of its last change; None takes the clock's.
            deleted: Tombstones of deleted records.
            signer: Its signer; None takes the signer of all.
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
        """Return the collection of this bucket and name, or None."""
        return self._collections.get((bucket, name))

    def replace_all(self, other: Collections) -> None:
        """Publish the collections of ``other`` in place of these, from the next request on."""
        self.signer = other.signer
        self._collections = dict(other._collections)

    def has_bucket(self, bucket: str) -> bool:
        """Check that the bucket has a collection."""
        return any(key[0] == bucket for key in list(self._collections))

    def chain(self, name: str) -> bytes | None:
        """Return the PEM of the certificate chain with this name, or None if no collection is signed with it."""
        signers = [self.signer, *(collection.signer for collection in self)]
        return next((signer.chain.pem for signer in signers if signer and signer.chain.name == name), None)


def _by_id(records: Iterable[Mapping[str, Any]], *, default_timestamp: int) -> dict[str, Record]:
    return {record["id"]: {"last_modified": default_timestamp, **record} for record in records}


def _tombstones(identifiers: Iterable[str], timestamp: int) -> dict[str, Record]:
    return {identifier: {"id": identifier, "last_modified": timestamp, "deleted": True} for identifier in identifiers}
