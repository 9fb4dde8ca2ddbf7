"""Databases that live in the page's memory when the browser refuses storage, has no space, or fails."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress

from modelden.core.memory_database import MemoryDatabase, StorageWarning
from modelden.errors import DataRemoved, QuotaExceeded, StorageError, StorageUnavailable
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
        small: Container[str] = (),
        memory_when_full: bool = False,
    ) -> None:
        """Create the databases of one page.

        Args:
            databases: The browser's databases.
            page: Source of the browser's quota.
            fallback: Record of the use of memory.
            required: Raise an error when the browser refuses.
            small: Names of databases that move into memory with all rows when a change is refused.
            memory_when_full: Lack of space is such a refusal; otherwise it is an error.
        """
        self._databases = databases
        self._page = page
        self._fallback = fallback
        self._required = required
        self._small = small
        self._memory_when_full = memory_when_full
        self._databases_in_use: dict[str, Database] = {}
        self._refused = False

    async def open(self, schema: Schema) -> Database:
        """Open a database.

        Raises:
            StorageUnavailable: If the browser refuses and storage is required.
        """
        if schema.name in self._databases_in_use:
            return self._databases_in_use[schema.name]
        database = None if self._refused else await self._open_stored(schema)
        is_small = schema.name in self._small
        if database is None:
            self._databases_in_use[schema.name] = MemoryDatabase(schema)
        elif self._required and not (is_small and self._memory_when_full):
            return database
        else:
            self._databases_in_use[schema.name] = FallbackDatabase(
                schema,
                database,
                self._page,
                self._fallback,
                required=self._required,
                is_small=is_small,
                memory_when_full=self._memory_when_full,
            )
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


class FallbackDatabase:
    """A database that moves into memory when the browser fails.

    A small one moves with all its rows when a change is refused. Any other moves when it cannot be read any more, twice
    in a row, and is empty then. Later changes of other tabs are not seen.
    """

    def __init__(
        self,
        schema: Schema,
        database: Database,
        page: Page,
        fallback: StorageFallback,
        *,
        required: bool,
        is_small: bool,
        memory_when_full: bool,
    ) -> None:
        """Start with the browser's database.

        Args:
            schema: The schema of ``database``.
            database: The browser's database.
            page: Source of the browser's quota.
            fallback: Record of the move.
            required: Only lack of space leads to a move.
            is_small: The rows fit into memory.
            memory_when_full: Lack of space leads to a move.
        """
        self._schema = schema
        self._database = database
        self._page = page
        self._fallback = fallback
        self._required = required
        self._is_small = is_small
        self._memory_when_full = memory_when_full
        self._write_lock = asyncio.Lock()

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        return await self._read(lambda database: database.get(store, key))

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return the rows with these keys, read at one moment."""
        return await self._read(lambda database: database.get_many(keys))

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows in the order of their keys, or those that ``index`` lists under ``key``."""
        return await self._read(lambda database: database.get_all(store, index=index, key=key))

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes or none. Return False if ``condition`` does not hold."""
        async with self._write_lock:
            try:
                return await self._database.commit(changes, condition)
            except QuotaExceeded as error:
                if not (self._is_small and self._memory_when_full):
                    raise
                await self._add_details(error, changes)
                await self._move_to_memory(error)
            except DataRemoved:
                raise
            except StorageUnavailable as error:
                if self._required:
                    raise
                if self._is_small:
                    await self._move_to_memory(error)
                else:
                    await self.get_all(next(iter(self._schema.stores)))  # moves, if nothing can be read either
                    if not isinstance(self._database, MemoryDatabase):
                        raise
            return await self._database.commit(changes, condition)

    async def _read[T](self, read: Callable[[Database], Awaitable[T]]) -> T:
        database = self._database
        try:
            return await read(database)
        except StorageUnavailable as error:
            if self._required or isinstance(database, MemoryDatabase):
                raise
            with suppress(StorageUnavailable):  # one refusal is no reason to do without all that is stored
                return await read(database)
            if self._database is database:  # and no other call has moved it
                self._database = MemoryDatabase(self._schema)
                self._fallback.warn(error)
            return await read(self._database)

    async def _move_to_memory(self, error: StorageError) -> None:
        if isinstance(self._database, MemoryDatabase):
            raise error
        memory = MemoryDatabase(self._schema)
        try:
            for store in self._schema.stores:
                await memory.commit([Put(store, row) for row in await self._database.get_all(store)])
        except StorageUnavailable:
            memory = MemoryDatabase(self._schema)  # without the rows, which can be fetched again
        self._database = memory
        self._fallback.warn(error)

    async def _add_details(self, error: QuotaExceeded, changes: Sequence[Put | Delete]) -> None:
        blobs = [blob for change in changes if isinstance(change, Put) for blob in change.blobs.values()]
        usage, quota, _ = await self._page.storage_estimate()
        error.note(sum(blob.size for blob in blobs) or None, usage, quota)
