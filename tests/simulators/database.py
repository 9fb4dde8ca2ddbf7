"""IndexedDB in memory: key paths, indexes, and transactions that apply whole or not at all."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from modelden.errors import QuotaExceeded
from modelden.ports import Delete, Key, Put, Row, Schema

from simulators.blobs import MemoryBlob


class MemoryDatabase:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.rows: dict[str, dict[Key, Row]] = {store: {} for store in schema.stores}
        self.full = False

    async def get(self, store: str, key: Key) -> Row | None:
        return _copied(self.rows[store].get(key))

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        path = self.schema.stores[store].indexes[index] if index else self.schema.stores[store].key_path
        rows = [row for _, row in sorted(self.rows[store].items())]
        return [_copied(row) for row in rows if key is None or _key_at(row, path) == key]

    async def commit(self, changes: Sequence[Put | Delete]) -> None:
        if self.full:
            raise QuotaExceeded(f"data in the database {self.schema.name}")
        after = {store: dict(rows) for store, rows in self.rows.items()}
        for change in changes:
            if isinstance(change, Delete):
                after[change.store].pop(change.key, None)
            else:
                row = _with_blobs(change)
                after[change.store][_key_at(row, self.schema.stores[change.store].key_path)] = row
        self.rows = after

    def contents(self) -> dict[str, list[Row]]:
        return {store: list(rows.values()) for store, rows in self.rows.items() if rows}


class MemoryDatabases:
    def __init__(self) -> None:
        self.opened: dict[str, MemoryDatabase] = {}

    async def open(self, schema: Schema) -> MemoryDatabase:
        return self.opened.setdefault(schema.name, MemoryDatabase(schema))


def _key_at(row: Row, path: Key) -> Key:
    return row[path] if isinstance(path, str) else tuple(row[name] for name in path)


def _with_blobs(put: Put) -> Row:
    row = copy.deepcopy(put.row)
    for path, blob in put.blobs.items():
        target: dict[str, Any] = row
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = blob
    return row


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    assert value is None or isinstance(value, str | int | float | bool | MemoryBlob), value
    return value
