"""`ports.Databases` over IndexedDB.

A transaction ends when Python awaits (Pyodide resumes in a new task): all its requests are issued first, then its end
is awaited. A write is done when its transaction is complete, not when a request succeeded.

A transaction that the browser aborts, because the visitor cleared the site's data or something deletes the database, is
begun anew on another connection. It has changed nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pyodide.ffi import JsException, to_js

from modelden._js.ffi import js_name
from modelden._js.indexeddb_connection import open_connection
from modelden._js.indexeddb_transaction import RequestFailed, WriteTransaction, js_key, py_rows, wait_for_event
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.ports import Delete, Key, Put, Row, Schema, Unchanged

ATTEMPTS = 10
"""Times that a transaction is begun. Each deletion of the database can abort one."""

_CONNECTION_LOST = ("AbortError", "InvalidStateError", "NotFoundError", "UnknownError")
"""Names of the errors of a connection that was closed by force, or whose database was deleted.

Chromium says UnknownError and InvalidStateError, Firefox AbortError and InvalidStateError. NotFoundError: another
script has made the database anew, without its stores.
"""


class JsDatabases:
    """The page's IndexedDB.

    Attributes:
        stores_blobs: False once the browser has refused a Blob (WebKit's private windows): then ``ArrayBuffer`` objects
            are stored in their place.
    """

    def __init__(self) -> None:
        self.stores_blobs = True
        self._refusal: StorageUnavailable | None = None

    async def open(self, schema: Schema) -> JsDatabase:
        """Open a database, creating the missing stores. After a refusal the others are not tried."""
        return JsDatabase(self, schema, await self.connect(schema))

    async def connect(self, schema: Schema) -> Any:
        """Open an ``IDBDatabase``.

        Raises:
            StorageUnavailable: If the browser refuses it or did not open an earlier one in time.
        """
        if self._refusal is not None:
            raise self._refusal
        try:
            return await open_connection(schema)
        except StorageUnavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                self._refusal = error
            raise


class JsDatabase:
    """One IndexedDB database. If the browser closes its connection, the next call opens it again."""

    def __init__(self, databases: JsDatabases, schema: Schema, js_database: Any) -> None:
        self._databases = databases
        self._schema = schema
        self._js_database = js_database

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""

        async def get() -> Row | None:
            js_store = self._js_database.transaction(store).objectStore(store)
            row: Row | None = py_rows(await wait_for_event(js_store.get(js_key(key)), "success", "error"))
            return row

        return await self._transact(get)

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return rows of one transaction."""

        async def get_many() -> list[Row | None]:
            transaction = self._js_database.transaction(to_js(sorted({store for store, _ in keys})))
            js_requests = [transaction.objectStore(store).get(js_key(key)) for store, key in keys]
            await wait_for_event(transaction, "complete", "abort")
            rows: list[Row | None] = py_rows(to_js([request.result for request in js_requests]))
            return rows

        return await self._transact(get_many) if keys else []

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows, or those under an index's key."""

        async def get_all() -> list[Row]:
            source = self._js_database.transaction(store).objectStore(store)
            if index is not None:
                source = source.index(index)
            request = source.getAll() if key is None else source.getAll(js_key(key))
            rows: list[Row] = py_rows(await wait_for_event(request, "success", "error"))
            return rows

        return await self._transact(get_all)

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes in one transaction."""
        if not changes:
            return True
        stores = to_js(sorted({change.store for change in changes} | ({condition.store} if condition else set())))
        with_blobs = next((change for change in changes if isinstance(change, Put) and change.blobs), None)

        async def commit() -> bool:
            stored = changes
            if with_blobs is not None and not self._databases.stores_blobs:
                from modelden._js.indexeddb_buffers import with_buffers

                stored = await with_buffers(changes)
            transaction = self._js_database.transaction(stores, "readwrite")
            with WriteTransaction(transaction, stored, condition) as writing:
                return await writing.committed()

        return await self._transact(commit, with_blobs)

    async def _transact[T](self, transact: Callable[[], Awaitable[T]], with_blobs: Put | None = None) -> T:
        """Run a transaction, and run it again where its connection was lost or its Blobs are refused.

        Args:
            transact: Begins the transaction and awaits its end.
            with_blobs: A change with Blobs, if there is one.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await transact()
            except (RequestFailed, JsException) as error:
                name = error.name if isinstance(error, RequestFailed) else js_name(error)
                is_refused_blob = with_blobs is not None and await self._refuses_blobs(name, with_blobs)
                if attempt == ATTEMPTS or not (is_refused_blob or name in _CONNECTION_LOST):
                    raise self._storage_error(name, error) from error
            if not is_refused_blob:
                self._js_database.close()
                self._js_database = await self._databases.connect(self._schema)
        raise AssertionError  # the last attempt returns or raises

    async def _refuses_blobs(self, name: str, change: Put) -> bool:
        """Look whether Blobs are the reason of a failure; remembered."""
        if name == "QuotaExceededError" or not self._databases.stores_blobs:
            return False
        from modelden._js.indexeddb_buffers import refuses_blobs

        self._databases.stores_blobs = not await refuses_blobs(self._js_database, change)
        return not self._databases.stores_blobs

    def _storage_error(self, name: str, error: Exception) -> StorageError:
        if name == "QuotaExceededError":
            return QuotaExceeded(f"data in the database {self._schema.name}")
        return StorageUnavailable(f"The database {self._schema.name} failed ({name}: {error}). Reload the page.")
