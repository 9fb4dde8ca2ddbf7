"""`ports.Databases` over IndexedDB.

A transaction ends when Python awaits (Pyodide resumes in a new task): all its requests are issued first, then its end
is awaited. A write is done when its transaction is complete, not when a request succeeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import js
from js import Promise
from pyodide.ffi import JsException, create_once_callable, create_proxy, to_js

from modelden._js.ffi import js_name
from modelden._js.indexeddb_transaction import (
    RequestFailed,
    WriteTransaction,
    js_key,
    py_rows,
    wait_for_event,
)
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.ports import Delete, Key, Put, Row, Schema, Unchanged

if TYPE_CHECKING:
    from modelden._js.indexeddb_upgrade import Upgrade

UPGRADE_TIMEOUT = 3.0
"""Seconds that other tabs have to close a database that is to be upgraded."""


class JsDatabases:
    """The page's IndexedDB."""

    async def open(self, schema: Schema) -> JsDatabase:
        """Open a database, creating the missing stores."""
        return JsDatabase(schema, await _open(schema))


class JsDatabase:
    """One IndexedDB database. If the browser closes its connection, the next call opens it again."""

    def __init__(self, schema: Schema, js_database: Any) -> None:
        self._schema = schema
        self._js_database = js_database

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        with self._mapped_errors():
            js_store = (await self._begin([store], "readonly")).objectStore(store)
            row: Row | None = py_rows(await wait_for_event(js_store.get(js_key(key)), "success", "error"))
        return row

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return rows of one transaction."""
        if not keys:
            return []
        with self._mapped_errors():
            transaction = await self._begin(sorted({store for store, _ in keys}), "readonly")
            js_requests = [transaction.objectStore(store).get(js_key(key)) for store, key in keys]
            await wait_for_event(transaction, "complete", "abort")
            rows: list[Row | None] = py_rows(to_js([request.result for request in js_requests]))
        return rows

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows, or those under an index's key."""
        with self._mapped_errors():
            source = (await self._begin([store], "readonly")).objectStore(store)
            if index is not None:
                source = source.index(index)
            request = source.getAll() if key is None else source.getAll(js_key(key))
            rows: list[Row] = py_rows(await wait_for_event(request, "success", "error"))
        return rows

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes in one transaction."""
        if not changes:
            return True
        stores = {change.store for change in changes} | ({condition.store} if condition else set())
        with self._mapped_errors():
            transaction = await self._begin(sorted(stores), "readwrite")
            with WriteTransaction(transaction, changes, condition) as writing:
                return await writing.committed()

    async def _begin(self, stores: list[str], mode: str) -> Any:
        """Begin a transaction. It lives until the caller awaits something else."""
        try:
            return self._js_database.transaction(to_js(stores), mode)
        except JsException as error:
            if js_name(error) != "InvalidStateError":
                raise
        # The connection is closed: the visitor cleared the site's data, or something deletes or upgrades the database.
        self._js_database = await _open(self._schema)
        return self._js_database.transaction(to_js(stores), mode)

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """Raise storage errors for the exceptions of calls, and for the failures of requests and transactions."""
        try:
            yield
        except RequestFailed as error:
            raise self._storage_error(error.name, error) from error
        except JsException as error:
            raise self._storage_error(js_name(error), error) from error

    def _storage_error(self, name: str, error: Exception) -> StorageError:
        if name == "QuotaExceededError":
            return QuotaExceeded(f"data in the database {self._schema.name}")
        return StorageUnavailable(f"The database {self._schema.name} failed ({name}: {error}). Reload the page.")


async def _open(schema: Schema) -> Any:
    opening = _Opening(_request_open(schema), schema)
    try:
        js_database = await opening.database()
    except TimeoutError as error:
        raise StorageUnavailable(
            f"Another tab keeps an earlier version of the database {schema.name} open: close this site's other tabs, "
            "then reload this one. Its data stay stored."
        ) from error
    except RequestFailed as error:
        raise _not_opened(schema, error.name, opening.upgrade) from error
    finally:
        opening.close()
    # Or this page would keep others from deleting and upgrading the database. Bound in JavaScript: no proxy to free.
    js_database.onversionchange = js_database.close.bind(js_database)
    return js_database


def _request_open(schema: Schema) -> Any:
    try:
        factory = getattr(js, "indexedDB", None)
        request = factory.open(schema.name, schema.version) if factory else None
    except JsException as error:
        raise StorageUnavailable(
            f"The browser refuses IndexedDB to this page ({js_name(error)}): a sandboxed frame or blocked site data."
        ) from error
    if request is None:
        raise StorageUnavailable("This page has no IndexedDB, so models cannot be kept.")
    return request


class _Opening:
    """One request to open a database.

    Attributes:
        upgrade: The upgrade of the database; None if it needs none.
    """

    def __init__(self, js_request: Any, schema: Schema) -> None:
        self.upgrade: Upgrade | None = None
        self._js_request = js_request
        self._schema = schema
        self._limit: asyncio.Timeout | None = None
        self._ended, self._blocked = Promise.withResolvers(), Promise.withResolvers()
        js_request.onsuccess = js_request.onerror = self._ended.resolve
        js_request.onblocked = self._blocked.resolve
        self._on_upgrade = create_proxy(self._start_upgrade)
        js_request.onupgradeneeded = self._on_upgrade

    async def database(self) -> Any:
        """Return the open database.

        Raises:
            TimeoutError: If other connections to it stay open.
            RequestFailed: If the browser does not open it.
        """
        event = await Promise.race(to_js([self._ended.promise, self._blocked.promise]))
        if event.type == "blocked":
            # Tabs of modelden close their connections when their transactions are over; other scripts may never do.
            async with asyncio.timeout(None if self.upgrade else UPGRADE_TIMEOUT) as self._limit:
                event = await self._ended.promise
        if event.type == "error":
            raise RequestFailed(self._js_request.error)
        return self._js_request.result

    def close(self) -> None:
        """Free the handlers. A request that was given up is undone when it ends."""
        if self._js_request.readyState == "pending":  # timed out, or cancelled
            _abandon(self._js_request)
        else:
            self._js_request.onupgradeneeded = None
        if self.upgrade is not None:
            self.upgrade.close()
        self._on_upgrade.destroy()

    def _start_upgrade(self, event: Any) -> None:
        from modelden._js.indexeddb_upgrade import Upgrade  # once for each version

        if self._limit is not None:  # the others are closed, and moving all rows takes its time
            self._limit.reschedule(None)
        self.upgrade = Upgrade(event, self._schema)


def _not_opened(schema: Schema, name: str, upgrade: Upgrade | None) -> StorageUnavailable:
    if name == "VersionError":
        return StorageUnavailable(
            f"The database {schema.name} was made by a later version of modelden. Its data stay stored: reload this "
            "page to get that version, or update modelden on it."
        )
    if upgrade is not None:
        return StorageUnavailable(
            f"The database {schema.name} could not be brought to version {schema.version} ({upgrade.error or name}). "
            "Its data stay stored as they were: free disk space, and reload this page."
        )
    return StorageUnavailable(
        f"The browser did not open the database {schema.name} ({name}): a private window, blocked site data or a full "
        "disk."
    )


def _abandon(request: Any) -> None:
    """Undo a request's effects when it ends.

    An upgrade without its stores would stay for ever. An open connection would block other tabs' upgrades.
    """
    request.onupgradeneeded = create_once_callable(lambda event: event.target.transaction.abort())
    request.onsuccess = create_once_callable(lambda event: event.target.result.close())
