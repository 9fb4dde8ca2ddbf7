"""Downloads that have begun, of all models: how far they are, and those that nobody is at removed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from modelden.hub.store.contents import key_of
from modelden.hub.store.partials import Content, FileKey, delete_chunks
from modelden.hub.store.tab_locks import download_lock
from modelden.ports import Database, Delete, Locks, Row

logger = logging.getLogger(__name__)


class Begun:
    """The rows of ``partials`` as a whole; those of one file are `partials.Partials`."""

    def __init__(self, database: Database, locks: Locks) -> None:
        """Nothing is read yet."""
        self._database = database
        self._locks = locks

    async def rows(self) -> list[Row]:
        """Return what has begun, the one that nobody went on with for the longest time first."""
        return sorted(await self._database.get_all("partials"), key=lambda row: int(row["updatedAt"]))

    async def sizes(self) -> dict[FileKey, int]:
        """Return the bytes that are stored of each file."""
        return {key_of(row): row["received"] for row in await self.rows()}

    async def drop(self, goes: Callable[[Row], bool], enough: int | None = None) -> int:
        """Remove beginnings that nobody is at, in whatever tab.

        Args:
            goes: Tells which of them.
            enough: So many bytes are enough; None for all.

        Returns:
            The bytes that were removed.

        Raises:
            StorageError: If the browser's storage fails; what was removed until then stays removed.
        """
        freed = 0
        for row in await self.rows():
            if enough is not None and freed >= enough:
                break
            if goes(row):
                freed += await self._drop(row["id"], goes)
        return freed

    async def _drop(self, file: str, goes: Callable[[Row], bool]) -> int:
        async with self._locks.try_hold(download_lock(file)) as is_free:
            row = await self._database.get("partials", file)
            if not is_free or row is None or not goes(row):
                return 0
            logger.info("What was downloaded of %s is removed: %s bytes", file, row["received"])
            chunks = delete_chunks(Content(row["content"], row["chunks"]))
            await self._database.commit([Delete("partials", file), *chunks])
            size: int = row["received"]
            return size
