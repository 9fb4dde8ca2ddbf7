"""Removes what nobody will ask for again: downloads that were given up, bytes and rows that belong to nothing."""

from __future__ import annotations

import logging

from modelden.hub.cache import ModelCache
from modelden.hub.partials import Content, delete_chunks
from modelden.hub.turns import download_lock
from modelden.ports import Clock, Database, Delete, Locks, Row

logger = logging.getLogger(__name__)

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
                await self._remove_given_up()
                await self._cache.drop_lost()
                await self._remove_lost_chunks()

    async def _remove_given_up(self) -> None:
        for row in await self._database.get_all("partials"):
            if not self._is_given_up(row):
                continue
            async with self._locks.attempt(download_lock(row["id"])) as is_free:
                now = await self._database.get("partials", row["id"])
                if is_free and now is not None and self._is_given_up(now):
                    logger.info("The download of %s was given up %s ms ago", row["id"], self._age(row))
                    chunks = delete_chunks(Content(now["content"], now["chunks"]))
                    await self._database.commit([Delete("partials", row["id"]), *chunks])

    async def _remove_lost_chunks(self) -> None:
        # In this order: chunks that a download stores meanwhile are named by a row that is read later.
        chunks = await self._database.get_all("chunks")
        named = {row["content"] for row in await self._database.get_all("partials")}
        named |= {row["content"] for row in await self._database.get_all("files")}
        lost = [Delete("chunks", (row["content"], row["index"])) for row in chunks if row["content"] not in named]
        await self._database.commit(lost)

    def _is_given_up(self, row: Row) -> bool:
        return self._age(row) >= GIVEN_UP

    def _age(self, row: Row) -> int:
        age: int = self._clock.now() - row["updatedAt"]
        return age
