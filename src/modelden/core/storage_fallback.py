"""What a page uses from its memory because the browser does not store it: databases, or what there is no room for."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Container, Sequence

from modelden.core.memory_database import MemoryDatabase, StorageWarning
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.ports import Database, Databases, Delete, Key, Page, Put, Row, Schema, Unchanged


class StorageFallback:
    """Keeps account of it, for `storage.storage_info`.

    Attributes:
        reason: The first reason for it; None while everything is stored.
    """

    def __init__(self) -> None:
        """Everything is stored so far."""
        self.reason: StorageError | None = None

    def tell(self, error: StorageError) -> None:
        """Warn that something is used from memory, because of ``error``."""
        self.reason = self.reason or error
        warnings.warn(StorageWarning(error), stacklevel=2)


class FallbackDatabases:
    """The browser's databases; those of the page's memory when the browser refuses, which it is asked once."""

    def __init__(
        self,
        databases: Databases,
        page: Page,
        in_memory: StorageFallback,
        *,
        required: bool,
        moving: Container[str] = (),
    ) -> None:
        """Open nothing yet.

        Args:
            databases: The browser's.
            page: Tells the browser's quota.
            in_memory: Told what is used from memory.
            required: Fail when the browser refuses.
            moving: Names of databases that go on in memory when there is no room; in others that is an error.
        """
        self._databases = databases
        self._page = page
        self._in_memory = in_memory
        self._required = required
        self._moving = moving
        self._kept: dict[str, MemoryDatabase | SpillingDatabase] = {}
        self._refused = False

    async def open(self, schema: Schema) -> Database:
        """Open a database.

        Raises:
            StorageUnavailable: If the browser refuses, and it is required.
        """
        if schema.name in self._kept:
            return self._kept[schema.name]
        database = None if self._refused else await self._asked(schema)
        if database is None:
            self._kept[schema.name] = MemoryDatabase(schema)
        elif schema.name in self._moving:
            self._kept[schema.name] = SpillingDatabase(schema, database, self._page, self._in_memory)
        else:
            return database
        return self._kept[schema.name]

    async def _asked(self, schema: Schema) -> Database | None:
        try:
            return await self._databases.open(schema)
        except StorageUnavailable as error:
            if self._required:
                raise
            self._refused = True
            self._in_memory.tell(error)
            return None


class SpillingDatabase:
    """A database that goes on in the page's memory, with all its rows, when the browser has no room for a change.

    For small ones. What other tabs write afterwards is not seen; but where there is no room, they cannot write either.
    """

    def __init__(self, schema: Schema, database: Database, page: Page, in_memory: StorageFallback) -> None:
        """Begin with the browser's database.

        Args:
            schema: What ``database`` was opened with.
            database: The browser's.
            page: Tells the browser's quota.
            in_memory: Told of the move.
        """
        self._schema = schema
        self._database = database
        self._page = page
        self._in_memory = in_memory
        self._writing = asyncio.Lock()

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        return await self._database.get(store, key)

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return the rows with these keys, as they are at one moment."""
        return await self._database.get_many(keys)

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows in the order of their keys, or those that ``index`` lists under ``key``."""
        return await self._database.get_all(store, index=index, key=key)

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes, or none."""
        async with self._writing:
            try:
                return await self._database.commit(changes, condition)
            except QuotaExceeded as error:
                await self._move(error, changes)
            return await self._database.commit(changes, condition)

    async def _move(self, error: QuotaExceeded, changes: Sequence[Put | Delete]) -> None:
        memory = MemoryDatabase(self._schema)
        for store in self._schema.stores:
            await memory.commit([Put(store, row) for row in await self._database.get_all(store)])
        self._database = memory
        blobs = [blob for change in changes if isinstance(change, Put) for blob in change.blobs.values()]
        usage, quota, _ = await self._page.storage_estimate()
        error.note(sum(blob.size for blob in blobs) or None, usage, quota)
        self._in_memory.tell(error)
