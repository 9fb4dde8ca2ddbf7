"""The rows of vector indexes: one of each index, and one of each addition, whose vectors are a Blob.

Vectors are little-endian 32-bit floats, row after row, as they were added. A removed vector is a None among the ids of
its row, until the rows of an index are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.ports import Delete, Put, Schema, Store

if TYPE_CHECKING:
    from modelden.ports import Blob, Blobs, Database, Row

VECTORS = Schema(
    name="modelden-vectors",
    version=1,
    stores={"indexes": Store("name"), "vectors": Store(("name", "batch"), {"nameIndex": "name"})},
)

MAX_BATCHES = 32
"""Rows of an index after which they are joined."""

_ITEM = 4
"""Bytes of a number."""


class IndexFacts(NamedTuple):
    """The row of an index.

    Attributes:
        model: The model of the vectors.
        revision: Its revision.
        dimensions: Numbers of each vector; 0 before the first one.
        changes: Number of changes so far, by which other tabs see that they have older vectors.
    """

    model: str
    revision: str
    dimensions: int = 0
    changes: int = 0


class Batch(NamedTuple):
    """Vectors that were added together.

    Attributes:
        key: Its key among the batches of the index, which sort by their age.
        ids: Name of each vector; None for a removed one.
        data: The vectors.
    """

    key: str
    ids: list[str | None]
    data: Blob

    def parts(self, size: int) -> list[Blob]:
        """Return the bytes of the vectors that are left, each of ``size`` bytes."""
        if None not in self.ids:
            return [self.data]
        return [
            self.data.slice(index * size, (index + 1) * size) for index, id_ in enumerate(self.ids) if id_ is not None
        ]


class VectorStore:
    """The rows of one index."""

    def __init__(self, database: Database, blobs: Blobs, name: str) -> None:
        self._database = database
        self._blobs = blobs
        self._name = name

    async def facts(self) -> IndexFacts | None:
        """Return the row of the index, None if there is none of this form."""
        match await self._database.get("indexes", self._name):
            case {
                "model": str(model),
                "revision": str(revision),
                "dimensions": int(dimensions),
                "changes": int(changes),
            }:
                return IndexFacts(model, revision, dimensions, changes)
        return None

    async def batches(self) -> list[Batch]:
        """Return all vectors, the oldest first."""
        rows = await self._database.get_all("vectors", index="nameIndex", key=self._name)
        return [Batch(row["batch"], row["ids"], row["data"]) for row in sorted(rows, key=lambda row: str(row["batch"]))]

    async def add(self, facts: IndexFacts, ids: Sequence[str], vectors: bytes, removed: set[str]) -> None:
        """Store vectors, in place of others with the ids ``removed``, in one transaction.

        Raises:
            StorageError: Nothing changed then.
        """
        batches = await self.batches()
        changes = self._removal(batches, removed)
        batch = Batch(f"{facts.changes:012d}", list(ids), self._blobs.from_bytes(vectors))
        await self._database.commit([*changes, self._put(batch), self._put_facts(facts)])

    async def remove(self, facts: IndexFacts, removed: set[str]) -> None:
        """Remove vectors, in one transaction; errors as `add`."""
        changes = self._removal(await self.batches(), removed)
        await self._database.commit([*changes, self._put_facts(facts)])

    async def clear(self, facts: IndexFacts) -> None:
        """Remove all vectors; errors as `add`."""
        deletions: list[Put | Delete] = [Delete("vectors", (self._name, batch.key)) for batch in await self.batches()]
        await self._database.commit([*deletions, self._put_facts(facts)])

    async def delete(self) -> None:
        """Remove the index; errors as `add`."""
        deletions: list[Put | Delete] = [Delete("vectors", (self._name, batch.key)) for batch in await self.batches()]
        await self._database.commit([*deletions, Delete("indexes", self._name)])

    async def join(self, dimensions: int) -> None:
        """Store many batches as one; errors as `add`."""
        batches = await self.batches()
        if len(batches) <= MAX_BATCHES:
            return
        size = dimensions * _ITEM
        data = await self._blobs.compact([part for batch in batches for part in batch.parts(size)])
        joined = Batch(batches[-1].key, [id_ for batch in batches for id_ in batch.ids if id_ is not None], data)
        deletions: list[Put | Delete] = [Delete("vectors", (self._name, batch.key)) for batch in batches[:-1]]
        await self._database.commit([*deletions, self._put(joined)])

    def _removal(self, batches: list[Batch], removed: set[str]) -> list[Put | Delete]:
        changes: list[Put | Delete] = []
        for batch in batches:
            if not removed.intersection(id_ for id_ in batch.ids if id_ is not None):
                continue
            ids = [None if id_ in removed else id_ for id_ in batch.ids]
            if any(id_ is not None for id_ in ids):
                changes.append(self._put(batch._replace(ids=ids)))
            else:
                changes.append(Delete("vectors", (self._name, batch.key)))
        return changes

    def _put(self, batch: Batch) -> Put:
        row: Row = {"name": self._name, "batch": batch.key, "ids": batch.ids}
        return Put("vectors", row, {("data",): batch.data})

    def _put_facts(self, facts: IndexFacts) -> Put:
        fields: dict[str, Any] = facts._asdict()
        return Put("indexes", {"name": self._name, **fields})
