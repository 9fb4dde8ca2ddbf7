"""The upgrade of an IndexedDB database: its stores, and the rows of earlier versions.

All of it is one ``versionchange`` transaction. Whatever fails in it leaves the database as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pyodide.ffi import JsException, create_proxy

from modelden._js.ffi import js_object
from modelden._js.indexeddb_transaction import issue_changes, js_key, py_rows
from modelden.ports import Migration, Put, Schema, Store


class Upgrade:
    """One upgrade. A handler of JavaScript has no caller: its error is raised by the caller of `error`.

    Attributes:
        error: The exception that ended the upgrade; None if there was none.
    """

    def __init__(self, event: Any, schema: Schema) -> None:
        """Start the upgrade, in the handler of ``upgradeneeded``."""
        self.error: Exception | None = None
        self._database = event.target.result
        self._transaction = event.target.transaction
        self._schema = schema
        self._requests: dict[str, Any] = {}
        self._migrations: Sequence[Migration] = ()
        self._move = create_proxy(lambda _event: self._attempt(self._move_rows))
        self._attempt(lambda: self._start(event.oldVersion))

    def close(self) -> None:
        """Free the handler. An upgrade that has not ended is undone."""
        for request in self._requests.values():
            request.onsuccess = None
        with suppress(JsException):  # it has ended
            self._transaction.abort()
        self._move.destroy()

    def _start(self, old_version: int) -> None:
        if old_version < self._schema.compatible_since:
            for name in list(self._database.objectStoreNames):
                self._database.deleteObjectStore(name)
        self._migrations = self._schema.pending_migrations(old_version)
        names = {name for migration in self._migrations for name in migration.stores}
        stored = [name for name in sorted(names) if self._database.objectStoreNames.contains(name)]
        self._requests = {name: self._transaction.objectStore(name).getAll() for name in stored}
        if self._requests:
            # Requests of a transaction succeed in their order.
            list(self._requests.values())[-1].onsuccess = self._move
        else:
            self._create_stores()

    def _move_rows(self) -> None:
        rows = {name: py_rows(request.result) for name, request in self._requests.items()}
        for migration in self._migrations:
            rows = migration.move(rows)
        for name in self._requests:
            self._database.deleteObjectStore(name)
        self._create_stores()
        issue_changes(self._transaction, [Put(name, row) for name, moved in rows.items() for row in moved])

    def _create_stores(self) -> None:
        for name, store in self._schema.stores.items():
            if not self._database.objectStoreNames.contains(name):
                _create_store(self._database, name, store)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  kept for the opening of the database
            self.error = error
            with suppress(JsException):
                self._transaction.abort()


def _create_store(database: Any, name: str, store: Store) -> None:
    js_store = database.createObjectStore(name, js_object(keyPath=js_key(store.key_path)))
    for index, key_path in store.indexes.items():
        js_store.createIndex(index, js_key(key_path))
