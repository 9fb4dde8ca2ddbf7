"""`ports.Database` over IndexedDB.

A transaction ends when Python awaits (Pyodide resumes in a new task): all its requests are issued first, then its end
is awaited. A write is done when its transaction is complete, not when a request succeeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable, create_proxy, to_js

from modelden._js.ffi import js_name, js_object
from modelden._js.indexeddb_transaction import RequestFailed, UpgradeBlocked, WriteTransaction, js_key, py_rows, settled
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.ports import Delete, Key, Put, Row, Schema, Store, Unchanged

PATIENCE = 3.0
"""Seconds that other tabs have to close a database that is to be upgraded."""


class JsDatabases:
    """The page's IndexedDB."""

    async def open(self, schema: Schema) -> JsDatabase:
        """Open a database, creating what is missing."""
        return JsDatabase(schema, await _open(schema))


class JsDatabase:
    """One IndexedDB database. Its connection may be closed under it, and is opened again when it is next used."""

    def __init__(self, schema: Schema, js_database: Any) -> None:
        """Adopt an open ``IDBDatabase``."""
        self._schema = schema
        self._js_database = js_database

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        transaction = await self._transaction([store], "readonly")
        found: Row | None = await self._result(transaction.objectStore(store).get(js_key(key)))
        return found

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return rows of one transaction."""
        if not keys:
            return []
        transaction = await self._transaction(sorted({store for store, _ in keys}), "readonly")
        js_requests = [transaction.objectStore(store).get(js_key(key)) for store, key in keys]
        try:
            await settled(transaction, "complete", "error", "abort")
        except RequestFailed as error:
            raise self._storage_error(error) from error
        rows: list[Row | None] = py_rows(to_js([request.result for request in js_requests]))
        return rows

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows, or those under an index's key."""
        source = (await self._transaction([store], "readonly")).objectStore(store)
        if index is not None:
            source = source.index(index)
        rows: list[Row] = await self._result(source.getAll() if key is None else source.getAll(js_key(key)))
        return rows

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes in one transaction."""
        if not changes:
            return True
        stores = {change.store for change in changes} | ({condition.store} if condition else set())
        transaction = await self._transaction(sorted(stores), "readwrite")
        writing = WriteTransaction(transaction, changes, condition)
        try:
            await settled(transaction, "complete", "abort")
        except RequestFailed as error:
            if writing.refused:
                return False
            if writing.error is None or isinstance(writing.error, JsException):
                raise self._storage_error(writing.error or error) from error
            raise writing.error from None
        finally:
            writing.close()
        return True

    async def _transaction(self, stores: list[str], mode: str) -> Any:
        """Begin a transaction. It lives until the caller awaits something else."""
        try:
            return self._js_database.transaction(to_js(stores), mode)
        except JsException as error:
            if js_name(error) != "InvalidStateError":
                raise self._storage_error(error) from error
        # The connection is closed: the visitor cleared the site's data, or something deletes or upgrades the database.
        self._js_database = await _open(self._schema)
        try:
            return self._js_database.transaction(to_js(stores), mode)
        except JsException as error:
            raise self._storage_error(error) from error

    async def _result(self, request: Any) -> Any:
        try:
            return py_rows(await settled(request, "success", "error"))
        except RequestFailed as error:
            raise self._storage_error(error) from error

    def _storage_error(self, error: JsException | RequestFailed) -> StorageError:
        name = str(error.name)
        if name == "QuotaExceededError":
            return QuotaExceeded(f"data in the database {self._schema.name}")
        return StorageUnavailable(f"The database {self._schema.name} failed ({name}: {error}). Reload the page.")


async def _open(schema: Schema) -> Any:
    factory = getattr(js, "indexedDB", None)
    if not factory:
        raise StorageUnavailable("This page has no IndexedDB, so models cannot be kept.")
    try:
        request = factory.open(schema.name, schema.version)
    except JsException as error:
        raise StorageUnavailable(
            f"The browser refuses IndexedDB to this page ({js_name(error)}): a sandboxed frame or blocked site data."
        ) from error
    upgrade = create_proxy(lambda event: _create_stores(event, schema))
    request.onupgradeneeded = upgrade
    try:
        js_database = await _unblocked(request)
    except TimeoutError as error:
        raise StorageUnavailable(
            f"Another tab keeps an earlier version of the database {schema.name} open: close this site's other tabs, "
            "then reload this one."
        ) from error
    except RequestFailed as error:
        if error.name == "VersionError":
            raise StorageUnavailable(
                f"The database {schema.name} was made by a later version of modelden. Reload this page to get that."
            ) from error
        raise StorageUnavailable(
            f"The browser did not open the database {schema.name} ({error.name}): a private window, blocked site "
            "data or a full disk."
        ) from error
    finally:
        if request.readyState == "pending":  # nobody waits any more
            _forsake(request)
        else:
            request.onupgradeneeded = None
        upgrade.destroy()
    # Or this page would keep others from deleting and upgrading the database. Bound in JavaScript: no proxy to free.
    js_database.onversionchange = js_database.close.bind(js_database)
    return js_database


async def _unblocked(request: Any) -> Any:
    try:
        return await settled(request, "success", "error", "blocked")
    except UpgradeBlocked:
        # A tab of modelden's lets go when its transactions are over; what else the site runs may never do.
        async with asyncio.timeout(PATIENCE):
            return await settled(request, "success", "error")


def _forsake(request: Any) -> None:
    """Let nothing become of a request: a version without its stores would stay for ever, a connection in the way."""
    request.onupgradeneeded = create_once_callable(lambda event: event.target.transaction.abort())
    request.onsuccess = create_once_callable(lambda event: event.target.result.close())


def _create_stores(event: Any, schema: Schema) -> None:
    database = event.target.result
    if event.oldVersion < schema.compatible_since:
        for name in list(database.objectStoreNames):
            database.deleteObjectStore(name)
    for name, store in schema.stores.items():
        if not database.objectStoreNames.contains(name):
            _create_store(database, name, store)


def _create_store(database: Any, name: str, store: Store) -> None:
    js_store = database.createObjectStore(name, js_object(keyPath=js_key(store.key_path)))
    for index, key_path in store.indexes.items():
        js_store.createIndex(index, js_key(key_path))
