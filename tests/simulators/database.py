"""IndexedDB in memory: key paths, indexes, and transactions that apply whole or not at all."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.errors import QuotaExceeded, StorageUnavailable
from modelden.ports import Delete, Key, Put, Row, Schema, Unchanged
from tests.simulators.blobs import MemoryBlob


class MemoryDatabase:
    """Set `full` to refuse every write, as a browser without room does."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.rows: dict[str, dict[Key, Row]] = {}
        self.full = False
        self.create(schema)

    def create(self, schema: Schema) -> None:
        """Create the stores that are missing, and move the rows of earlier versions."""
        if self.schema.version < schema.compatible_since:
            self.rows.clear()
        try:
            if self.schema.version != schema.version:
                self.rows |= self._moved(schema)
        except Exception as error:
            reason = f"The database {schema.name} could not be brought to version {schema.version} ({error})."
            raise StorageUnavailable(reason) from error
        self.schema = schema
        for store in schema.stores:
            self.rows.setdefault(store, {})

    def _moved(self, schema: Schema) -> dict[str, dict[Key, Row]]:
        migrations = schema.pending_migrations(self.schema.version)
        stores = {store for migration in migrations for store in migration.stores} & self.rows.keys()
        moved = {store: [_copied(row) for row in _in_order(self.rows[store])] for store in stores}
        for migration in migrations:
            moved = migration.move(moved)
        return {
            store: {_key_at(row, schema.stores[store].key_path): row for row in rows} for store, rows in moved.items()
        }

    async def get(self, store: str, key: Key) -> Row | None:
        row = self.rows[store].get(key)
        return None if row is None else _copied(row)

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        return [await self.get(store, key) for store, key in keys]

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        path = self.schema.stores[store].indexes[index] if index else self.schema.stores[store].key_path
        rows = _in_order(self.rows[store])
        # IndexedDB leaves rows out of an index when a member of its key path is missing.
        found = [row for row in rows if _has(row, path) and (key is None or _key_at(row, path) == key)]
        return [_copied(row) for row in found]

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        if condition and self.rows[condition.store].get(condition.key) != condition.row:
            return False
        if self.full and any(isinstance(change, Put) for change in changes):
            raise QuotaExceeded(f"data in the database {self.schema.name}")
        after = {store: dict(rows) for store, rows in self.rows.items()}
        for change in changes:
            if isinstance(change, Delete):
                after[change.store].pop(change.key, None)
            else:
                row, path = _with_blobs(change), self.schema.stores[change.store].key_path
                if not _has(row, path):
                    raise StorageUnavailable(f"The database {self.schema.name} failed: a row without {path}.")
                after[change.store][_key_at(row, path)] = row
        self.rows = after
        return True

    def contents(self) -> dict[str, list[Row]]:
        """All rows by store, in the order of their keys; stores without rows are left out."""
        return {store: _in_order(rows) for store, rows in self.rows.items() if rows}


class MemoryDatabases:
    """One browser profile: databases stay when a page goes."""

    def __init__(self) -> None:
        self.opened: dict[str, MemoryDatabase] = {}

    def __getitem__(self, name: str) -> MemoryDatabase:
        return self.opened[name]

    async def open(self, schema: Schema) -> MemoryDatabase:
        database = self.opened.setdefault(schema.name, MemoryDatabase(schema))
        if database.schema.version > schema.version:
            raise StorageUnavailable(f"The database {schema.name} was made by a later version.")
        database.create(schema)
        return database

    def bytes_of_models(self) -> int:
        """The bytes of the files of models, as a browser counts them."""
        database = self.opened.get("modelFiles")
        return sum(row["data"].size for row in database.rows["chunks"].values()) if database else 0

    def contents(self) -> dict[str, dict[str, list[Row]]]:
        """All rows by database and store; what is empty is left out."""
        found = {name: database.contents() for name, database in self.opened.items()}
        return {name: stores for name, stores in found.items() if stores}


def _in_order(rows: Mapping[Key, Row]) -> list[Row]:
    # IndexedDB compares UTF-16 code units.
    def key(item: tuple[Key, Row]) -> list[bytes]:
        return [part.encode("utf-16-be") for part in ([item[0]] if isinstance(item[0], str) else item[0])]

    return [row for _, row in sorted(rows.items(), key=key)]


def _has(row: Row, path: Key) -> bool:
    return all(name in row for name in ([path] if isinstance(path, str) else path))


def _key_at(row: Row, path: Key) -> Key:
    if isinstance(path, str):
        key: Key = row[path]
        return key
    return tuple(row[name] for name in path)


def _with_blobs(put: Put) -> Row:
    row = copy.deepcopy(put.row)
    for path, blob in put.blobs.items():
        target: dict[str, Any] = row
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = blob
    return row


def _copied(row: Mapping[str, Any]) -> Row:
    return {key: _value(item) for key, item in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return _copied(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    assert value is None or isinstance(value, str | int | float | bool | MemoryBlob), value
    return value
