"""Databases in the page's memory, for browsers that refuse storage. Their rows are lost with the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelden.errors import StorageError, StorageUnavailable
from modelden.ports import Delete, Key, Put, Row, Schema, Unchanged


class StorageWarning(UserWarning):
    """Data that is used from memory because the browser did not store it. The next visit downloads it again.

    Attributes:
        error: The reason.
    """

    __module__ = "modelden"

    def __init__(self, error: StorageError) -> None:
        """Store the reason and compose the message."""
        super().__init__(f"Used from memory, and gone with this page: {error}")
        self.error = error


class MemoryDatabase:
    """A `ports.Database` in memory: rows by key, and transactions that apply as a whole or not at all."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._rows: dict[str, dict[Key, Row]] = {store: {} for store in schema.stores}

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        row: Row | None = _copy(self._rows[store].get(key))
        return row

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return the rows with these keys, read at one moment."""
        return [await self.get(store, key) for store, key in keys]

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows in the order of their keys, or those that ``index`` lists under ``key``."""
        path = self._schema.stores[store].indexes[index] if index else self._schema.stores[store].key_path
        rows = [row for _, row in sorted(self._rows[store].items(), key=lambda item: _order(item[0]))]
        return [_copy(row) for row in rows if _has(row, path) and key in (None, _key_at(row, path))]

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes or none. Return False if ``condition`` does not hold."""
        if condition and self._rows[condition.store].get(condition.key) != condition.row:
            return False
        stores = {store: dict(rows) for store, rows in self._rows.items()}
        for change in changes:
            if isinstance(change, Delete):
                stores[change.store].pop(change.key, None)
            else:
                row, path = _with_blobs(change), self._schema.stores[change.store].key_path
                if not _has(row, path):
                    raise StorageUnavailable(f"The database {self._schema.name} failed: a row without {path}.")
                stores[change.store][_key_at(row, path)] = row
        self._rows = stores
        return True


def _parts(key: Key) -> list[str]:
    return [key] if isinstance(key, str) else list(key)


def _order(key: Key) -> list[bytes]:
    # IndexedDB compares UTF-16 code units.
    return [part.encode("utf-16-be", errors="surrogatepass") for part in _parts(key)]


def _has(row: Mapping[str, Any], path: Key) -> bool:
    return all(name in row for name in _parts(path))


def _key_at(row: Mapping[str, Any], path: Key) -> Key:
    if isinstance(path, str):
        key: Key = row[path]
        return key
    return tuple(row[name] for name in path)


def _with_blobs(put: Put) -> Row:
    row: Row = _copy(put.row)
    for path, blob in put.blobs.items():
        target = row
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = blob
    return row


def _copy(value: Any) -> Any:
    """Copy plain data. A blob in it is a handle and is not copied."""
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return value
