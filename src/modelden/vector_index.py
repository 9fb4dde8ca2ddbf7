"""`VectorIndex`: vectors of one model by their names, stored in this browser and searched in a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from modelden.core.argument_checks import check_text_list
from modelden.core.arguments import check_callback, check_text
from modelden.default_context import current_context
from modelden.engine.similarity import Match, check_k
from modelden.engine.vector_packing import pack_vectors
from modelden.engine.vector_store import VECTORS, IndexFacts, VectorStore
from modelden.errors import EngineClosed, EngineCrashed, InputError

if TYPE_CHECKING:
    from modelden.ports import Locks, VectorHost, VectorWorker


class VectorIndex:
    """Vectors of one revision of a model. The search is exact. All tabs share what is stored.

    Attributes:
        name: Name of the index.
        model_id: The model of the vectors.
        model_revision: Its revision.
        was_rebuilt: The vectors of another model or revision were stored under this name, and were removed.
    """

    __module__ = "modelden"

    def __init__(
        self, name: str, model_id: str, model_revision: str, store: VectorStore, host: VectorHost, locks: Locks
    ) -> None:
        """Create an index; `open` is the way to one."""
        self.name, self.model_id, self.model_revision = name, model_id, model_revision
        self.was_rebuilt = False
        self._store = store
        self._host = host
        self._locks = locks
        self._worker: VectorWorker | None = None
        self._facts = IndexFacts(model_id, model_revision)
        self._ids: list[str] = []
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        name: str,
        *,
        model_id: str,
        model_revision: str = "main",
        rebuild: Callable[[list[str]], Awaitable[Any]] | None = None,
    ) -> Self:
        """Open an index, or make an empty one.

        Vectors of another model, or of another revision of it, cannot be compared with new ones: they are removed.

        Args:
            name: Name of the index in this browser.
            model_id: The model of the vectors.
            model_revision: Its revision, ``engine.info()`` has it.
            rebuild: Called with the names of vectors that were removed; returns an awaitable of new vectors for them,
                a row for each name. If it fails, the old vectors stay stored.

        Raises:
            InputError: For invalid arguments, and for a ``rebuild`` that returns something else.
            StorageError: If the browser's storage fails.
            NotInBrowser: Outside Pyodide.
        """
        for label, value in (("name", name), ("model_id", model_id), ("model_revision", model_revision)):
            if not check_text(label, value):
                raise InputError(f"{label}: expected a text, got an empty one.")
        check_callback("rebuild", rebuild)
        context = await current_context()
        ports = context.ports
        store = VectorStore(await context.database(VECTORS), ports.blobs, name)
        index = cls(name, model_id, model_revision, store, ports.vectors, ports.locks)
        async with ports.locks.hold(index._lock):
            stored = await store.facts()
            if stored is not None and (stored.model, stored.revision) != (model_id, model_revision):
                await index._rebuild(stored, rebuild)
            elif stored is not None:
                await store.join(stored.dimensions)
        await index._refresh()
        return index

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self._ids)

    def __contains__(self, id_: object) -> bool:
        """Tell whether there is a vector of this name."""
        return id_ in self._ids

    def __repr__(self) -> str:
        """Return name, model and size."""
        size = f"{len(self)} x {self.dimensions}"
        return f"VectorIndex({self.name!r}, model_id={self.model_id!r}, model_revision={self.model_revision!r}, {size})"

    @property
    def ids(self) -> list[str]:
        """The names of all vectors."""
        return list(self._ids)

    @property
    def dimensions(self) -> int:
        """Numbers of each vector; 0 before the first one."""
        return self._facts.dimensions

    async def add(self, ids: str | Iterable[str], vectors: Any) -> None:
        """Store vectors under names, in place of those that have these names.

        Args:
            ids: A name for each vector; one text for one vector.
            vectors: A vector, or a matrix with one in each row: a `Tensor`, a NumPy array, or nested lists.

        Raises:
            InputError: For other arguments, and for vectors of another length than those in the index.
            StorageError: If the browser cannot store them. The index is as before then.
            EngineClosed: If the index was closed.
        """
        names = [check_text("ids", ids)] if isinstance(ids, str) else check_text_list("ids", ids)
        if len(set(names)) != len(names):
            raise InputError("ids: expected different names, got one of them twice.")
        if not names:
            return
        data, count, dimensions = pack_vectors("vectors", vectors)
        if count != len(names):
            raise InputError(f"vectors: expected one for each of the {len(names)} ids, got {count}.")
        async with self._locks.hold(self._lock):
            worker = await self._refresh()
            if self.dimensions not in (0, dimensions):
                raise InputError(
                    f"vectors: expected {self.dimensions} numbers each, as {self!r} has, got {dimensions}."
                )
            is_first = not self.dimensions
            facts = self._facts._replace(dimensions=dimensions, changes=self._facts.changes + 1)
            replaced = set(names).intersection(self._ids)
            await self._store.add(facts, names, data, replaced)
            if is_first:
                await worker.load(dimensions, [])
            await self._forget(worker, replaced)
            await worker.add(data)
            self._ids += names
            self._facts = facts

    async def remove(self, ids: str | Iterable[str]) -> int:
        """Remove vectors.

        Args:
            ids: Their names; those that the index does not have are left out.

        Returns:
            The number of removed vectors.

        Raises:
            InputError: For other arguments.
            StorageError: If the browser's storage fails. The index is as before then.
            EngineClosed: If the index was closed.
        """
        names = {ids} if isinstance(ids, str) else set(check_text_list("ids", ids))
        async with self._locks.hold(self._lock):
            worker = await self._refresh()
            removed = names.intersection(self._ids)
            if removed:
                facts = self._facts._replace(changes=self._facts.changes + 1)
                await self._store.remove(facts, removed)
                await self._forget(worker, removed)
                self._facts = facts
        return len(removed)

    async def search(self, query: Any, k: int = 10) -> list[Match]:
        """Return the vectors that are most similar to a query, the best first.

        Args:
            query: One vector of the index' length.
            k: Number of vectors; all if there are fewer.

        Raises:
            InputError: For other arguments.
            StorageError: If the vectors cannot be read.
            EngineClosed: If the index was closed.
        """
        check_k(k)
        data, count, dimensions = pack_vectors("query", query)
        if count != 1:
            raise InputError(f"query: expected one vector, got {count}.")
        worker = await self._refresh()
        if self.dimensions not in (0, dimensions):
            raise InputError(f"query: expected {self.dimensions} numbers, as the index has, got {dimensions}.")
        if not self._ids:
            return []
        return [Match(self._ids[position], score) for position, score in await worker.search(data, k)]

    async def delete(self) -> None:
        """Remove the index and all of its vectors from this browser, and close it.

        Raises:
            StorageError: If the browser's storage fails.
        """
        async with self._locks.hold(self._lock):
            await self._store.delete()
        self.close()

    def close(self) -> None:
        """End the worker. What is stored stays."""
        self._is_closed = True
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    @property
    def _lock(self) -> str:
        return f"vectors {self.name}"

    async def _refresh(self) -> VectorWorker:
        """Return the worker with what is stored now: another tab may have changed it."""
        if self._is_closed:
            raise EngineClosed(f"The index {self.name!r} was closed: open it again.")
        facts = await self._store.facts() or IndexFacts(self.model_id, self.model_revision)
        if (facts.model, facts.revision) != (self.model_id, self.model_revision):
            raise EngineClosed(
                f"The index {self.name!r} has vectors of {facts.model} {facts.revision} by now: open it again for them."
            )
        if self._worker is not None and facts == self._facts:
            return self._worker
        worker = self._worker or self._host.start_search()
        batches = await self._store.batches()
        try:
            await worker.load(
                facts.dimensions, [part for batch in batches for part in batch.parts(facts.dimensions * 4)]
            )
        except BaseException as error:
            worker.close()
            self._worker = None
            if isinstance(error, EngineCrashed):
                raise EngineCrashed("The worker of a vector index died. Call again: its vectors are stored.") from error
            raise
        self._worker, self._facts = worker, facts
        self._ids = [id_ for batch in batches for id_ in batch.ids if id_ is not None]
        return worker

    async def _forget(self, worker: VectorWorker, removed: set[str]) -> None:
        if removed:
            await worker.remove([position for position, id_ in enumerate(self._ids) if id_ in removed])
            self._ids = [id_ for id_ in self._ids if id_ not in removed]

    async def _rebuild(self, stored: IndexFacts, rebuild: Callable[[list[str]], Awaitable[Any]] | None) -> None:
        ids = [id_ for batch in await self._store.batches() for id_ in batch.ids if id_ is not None]
        facts = IndexFacts(self.model_id, self.model_revision, 0, stored.changes + 1)
        if rebuild is None or not ids:
            await self._store.clear(facts)
        else:
            data, count, dimensions = pack_vectors("rebuild", await rebuild(list(ids)))
            if count != len(ids):
                raise InputError(f"rebuild: expected a vector for each of the {len(ids)} names, got {count}.")
            await self._store.clear(facts)
            await self._store.add(facts._replace(dimensions=dimensions, changes=facts.changes + 1), ids, data, set())
        self.was_rebuilt = bool(ids)
