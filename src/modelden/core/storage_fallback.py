"""Databases that live in the page's memory when the browser refuses storage or has no space."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Container, Sequence

from modelden.core.memory_database import MemoryDatabase, StorageWarning
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.ports import Database, Databases, Delete, Key, Page, Put, Row, Schema, Unchanged


class StorageFallback:
    """Records that data is used from memory, for `storage.storage_info`.

    Attributes:
        reason: The first error that led to it; None while everything is stored.
    """

    def __init__(self) -> None:
        self.reason: StorageError | None = None

    def warn(self, error: StorageError) -> None:
        """Issue a `StorageWarning`: ``error`` made data live in memory."""
        self.reason = self.reason or error
        warnings.warn(StorageWarning(error), stacklevel=2)


class FallbackDatabases:
    """The browser's databases; databases in memory once the browser has refused one."""

    def __init__(
        self,
        databases: Databases,
        page: Page,
        fallback: StorageFallback,
        *,
        required: bool,
        spilling: Container[str] = (),
    ) -> None:
        """Create the databases of one page.

        Args:
            databases: The browser's databases.
            page: Source of the browser's quota.
            fallback: Record of the use of memory.
            required: Raise an error when the browser refuses.
            spilling: Names of databases that move into memory when there is no space; others raise an error then.
        """
        self._databases = databases
        self._page = page
        self._fallback = fallback
        self._required = required
        self._spilling = spilling
        self._databases_in_use: dict[str, MemoryDatabase | SpillingDatabase] = {}
        self._refused = False

    async def open(self, schema: Schema) -> Database:
        """Open a database.

        Raises:
            StorageUnavailable: If the browser refuses and storage is required.
        """
        if schema.name in self._databases_in_use:
            return self._databases_in_use[schema.name]
        database = None if self._refused else await self._open_stored(schema)
        if database is None:
            self._databases_in_use[schema.name] = MemoryDatabase(schema)
        elif schema.name in self._spilling:
            self._databases_in_use[schema.name] = SpillingDatabase(schema, database, self._page, self._fallback)
        else:
            return database
        return self._databases_in_use[schema.name]

    async def _open_stored(self, schema: Schema) -> Database | None:
        try:
            return await self._databases.open(schema)
        except StorageUnavailable as error:
            if self._required:
                raise
            self._refused = True
            self._fallback.warn(error)
            return None


class SpillingDatabase:
    """A database that moves into memory with all its rows when the browser has no space for a change.

    For small databases. Later changes of other tabs are not seen. Without space they cannot write either.
    """

    def __init__(self, schema: Schema, database: Database, page: Page, fallback: StorageFallback) -> None:
        """Start with the browser's database.

        Args:
            schema: The schema of ``database``.
            database: The browser's database.
            page: Source of the browser's quota.
            fallback: Record of the move.
        """
        self._schema = schema
        self._database = database
        self._page = page
        self._fallback = fallback
        self._write_lock = asyncio.Lock()

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        return await self._database.get(store, key)

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return the rows with these keys, read at one moment."""
        return await self._database.get_many(keys)

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows in the order of their keys, or those that ``index`` lists under ``key``."""
        return await self._database.get_all(store, index=index, key=key)

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes or none. Return False if ``condition`` does not hold."""
        async with self._write_lock:
            try:
                return await self._database.commit(changes, condition)
            except QuotaExceeded as error:
                await self._move_to_memory(error, changes)
            return await self._database.commit(changes, condition)

    async def _move_to_memory(self, error: QuotaExceeded, changes: Sequence[Put | Delete]) -> None:
        memory = MemoryDatabase(self._schema)
        for store in self._schema.stores:
            await memory.commit([Put(store, row) for row in await self._database.get_all(store)])
        self._database = memory
        blobs = [blob for change in changes if isinstance(change, Put) for blob in change.blobs.values()]
        usage, quota, _ = await self._page.storage_estimate()
        error.note(sum(blob.size for blob in blobs) or None, usage, quota)
        self._fallback.warn(error)
