"""A `ports.Database` that forgets: commands ask each server anew."""

from __future__ import annotations

from collections.abc import Sequence

from modelden.ports import Delete, Key, Put, Row


class MemoryDatabase:
    """Keeps the few rows that `settings.backoff` writes, for as long as the command runs."""

    def __init__(self) -> None:
        """It is empty."""
        self._rows: dict[tuple[str, Key], Row] = {}

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key."""
        return self._rows.get((store, key))

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows of a store; it has no indexes."""
        del index, key
        return [row for (name, _), row in self._rows.items() if name == store]

    async def commit(self, changes: Sequence[Put | Delete]) -> None:
        """Apply all changes."""
        for change in changes:
            if isinstance(change, Put):
                self._rows[change.store, change.row["cid"]] = change.row
            else:
                self._rows.pop((change.store, change.key), None)
