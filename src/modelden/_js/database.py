"""`ports.Database` over IndexedDB.

A transaction ends when Python awaits (Pyodide resumes in a new task): all its requests are issued first, then its end
is awaited. A write is done when its transaction is complete, not when a request succeeded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import js
from js import JSON, Array, Object, Promise
from pyodide.ffi import JsException, create_proxy, to_js

from modelden._js.blobs import JsBlob, js_blob
from modelden._js.convert import js_json, js_name, js_object, py_value
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.ports import Delete, Key, Put, Row, Schema, Store


class _Failed(Exception):
    """A request or transaction ended with the ``DOMException`` in ``args[0]``."""

    @property
    def name(self) -> str:
        return str(getattr(self.args[0], "name", "unknown"))


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
        found: Row | None = await self._result(transaction.objectStore(store).get(_js_key(key)))
        return found

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows, or those under an index's key."""
        source = (await self._transaction([store], "readonly")).objectStore(store)
        if index is not None:
            source = source.index(index)
        rows: list[Row] = await self._result(source.getAll() if key is None else source.getAll(_js_key(key)))
        return rows

    async def commit(self, changes: Sequence[Put | Delete]) -> None:
        """Apply all changes in one transaction."""
        if not changes:
            return
        transaction = await self._transaction(sorted({change.store for change in changes}), "readwrite")
        try:
            _issue(transaction, changes)
        except BaseException as error:
            transaction.abort()  # or what was issued before would be committed
            if isinstance(error, JsException):
                raise self._storage_error(error) from error
            raise
        try:
            await _settled(transaction, "complete", "abort")
        except _Failed as error:
            raise self._storage_error(error) from error

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
            return _rows(await _settled(request, "success", "error"))
        except _Failed as error:
            raise self._storage_error(error) from error

    def _storage_error(self, error: JsException | _Failed) -> StorageError:
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
        js_database = await _settled(request, "success", "error")
    except _Failed as error:
        raise StorageUnavailable(
            f"The browser did not open the database {schema.name} ({error.name}): a private window, blocked site "
            "data or a full disk."
        ) from error
    finally:
        request.onupgradeneeded = None
        upgrade.destroy()
    # Or this page would keep others from deleting and upgrading the database. Bound in JavaScript: no proxy to free.
    js_database.onversionchange = js_database.close.bind(js_database)
    return js_database


def _create_stores(event: Any, schema: Schema) -> None:
    database = event.target.result
    if event.oldVersion < schema.oldest:
        for name in list(database.objectStoreNames):
            database.deleteObjectStore(name)
    for name, store in schema.stores.items():
        if not database.objectStoreNames.contains(name):
            _create_store(database, name, store)


def _create_store(database: Any, name: str, store: Store) -> None:
    js_store = database.createObjectStore(name, js_object(keyPath=_js_key(store.key_path)))
    for index, key_path in store.indexes.items():
        js_store.createIndex(index, _js_key(key_path))


def _issue(transaction: Any, changes: Sequence[Put | Delete]) -> None:
    js_stores = {name: transaction.objectStore(name) for name in {change.store for change in changes}}
    # All rows cross the border as one text: a collection may have ten thousand.
    js_rows = iter(js_json([change.row for change in changes if isinstance(change, Put)]))
    for change in changes:
        js_store = js_stores[change.store]
        if isinstance(change, Delete):
            js_store.delete(_js_key(change.key))
        else:
            js_store.put(_with_blobs(next(js_rows), change))


def _with_blobs(js_row: Any, change: Put) -> Any:
    for path, blob in change.blobs.items():
        target = js_row
        for name in path[:-1]:
            target = getattr(target, name)
        Object.assign(target, js_object(**{path[-1]: js_blob(blob)}))
    return js_row


def _js_key(key: Key) -> Any:
    return key if isinstance(key, str) else to_js(list(key))


def _rows(value: Any) -> Any:
    """Return one row or a list of them as Python data.

    As JSON they come several times as fast as value by value. A Blob has no JSON but ``{}``: where that is found, and
    only there, the values are looked at.
    """
    if value is None:
        return None
    text = JSON.stringify(value)
    if "{}" not in text:
        return json.loads(text)
    if Array.isArray(value):
        return [_rows(each) for each in value]
    return py_value(value, JsBlob)


async def _settled(target: Any, success: str, failure: str) -> Any:
    """Wait for a request's result, or for a transaction's end.

    The handlers are the promise's own functions, so that there is no Python proxy to free.

    Raises:
        _Failed: With the target's error.
    """
    resolvers = Promise.withResolvers()
    setattr(target, f"on{success}", resolvers.resolve)
    setattr(target, f"on{failure}", resolvers.resolve)
    event = await resolvers.promise
    if event.type != success:
        raise _Failed(target.error)
    return getattr(target, "result", None)
