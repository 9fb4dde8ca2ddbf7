"""Removes what nobody will ask for again: downloads that were given up, bytes and rows that belong to nothing."""

from __future__ import annotations

from modelden.hub.cache import ModelCache
from modelden.ports import Clock, Database, Delete, Locks, Row

GIVEN_UP = 7 * 24 * 3600 * 1000
"""Milliseconds after which the beginning of a file is not gone on with."""


class Sweep:
    """Sweeps the database of the models."""

    def __init__(self, database: Database, cache: ModelCache, locks: Locks, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._cache = cache
        self._locks = locks
        self._clock = clock

    async def run(self) -> None:
        """Sweep, unless another tab is at it.

        Raises:
            StorageError: If the browser's storage fails; what was removed until then stays removed.
        """
        async with self._locks.attempt("sweep") as is_free:
            if is_free:
                await self._cache.begun.drop(self._is_given_up)
                await self._cache.drop_lost()
                await self._remove_lost_chunks()

    def _is_given_up(self, row: Row) -> bool:
        age: int = self._clock.now() - row["updatedAt"]
        return age >= GIVEN_UP

    async def _remove_lost_chunks(self) -> None:
        # In this order: chunks that a download stores meanwhile are named by a row that is read later.
        chunks = await self._database.get_all("chunks")
        named = {row["content"] for row in await self._database.get_all("partials")}
        named |= {row["content"] for row in await self._database.get_all("files")}
        lost = [Delete("chunks", (row["content"], row["index"])) for row in chunks if row["content"] not in named]
        await self._database.commit(lost)
