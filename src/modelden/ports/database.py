"""IndexedDB: schemas, rows, and changes that are committed together."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelden.ports.blobs import Blob

Key = str | tuple[str, ...]
"""A key of an object store: one string, or the values of a compound key path in order."""

Row = dict[str, Any]
"""A stored value: plain JSON data, in which a `Blob` may stand where `Put.blobs` put one."""


_EMPTY: Mapping[Any, Any] = MappingProxyType({})


class Put(NamedTuple):
    """Store ``row`` under the key that the store's key path finds in it.

    Attributes:
        store: Name of the object store.
        row: Plain JSON data.
        blobs: Blobs to set inside the row, by their path of member names.
    """

    store: str
    row: Row
    blobs: Mapping[tuple[str, ...], Blob] = _EMPTY


class Delete(NamedTuple):
    """Remove the row with this key, if there is one."""

    store: str
    key: Key


class Unchanged(NamedTuple):
    """The condition of a commit: the row with this key still equals ``row``; None: there is still no such row."""

    store: str
    key: Key
    row: Row | None


class Store(NamedTuple):
    """An object store: its key path, and the key paths of its indexes by name."""

    key_path: Key
    indexes: Mapping[str, Key] = _EMPTY


RowsByStore = dict[str, list[Row]]
"""Rows by the names of their object stores."""


class Migration(NamedTuple):
    """A change of rows between two versions of a database.

    Attributes:
        version: Version that it leads to.
        stores: Object stores whose rows it reads. They are created again, for the rows that it returns.
        move: Returns the rows of the new version. Pure; it is called in the transaction of the upgrade.
    """

    version: int
    stores: Sequence[str]
    move: Callable[[RowsByStore], RowsByStore]


class Schema(NamedTuple):
    """A database: name, version and object stores by name.

    Attributes:
        name: Its name.
        version: Its version.
        stores: Its object stores by name.
        compatible_since: Databases of an earlier version are emptied when they are opened.
        migrations: The changes of rows since then, in the order of their versions.
    """

    name: str
    version: int
    stores: Mapping[str, Store]
    compatible_since: int = 1
    migrations: Sequence[Migration] = ()

    def pending_migrations(self, version: int) -> Sequence[Migration]:
        """Return the migrations of a database with this version; none if it is emptied."""
        if version < self.compatible_since:
            return ()
        return [migration for migration in self.migrations if migration.version > version]


class Database(Protocol):
    """One IndexedDB database."""

    async def get(self, store: str, key: Key) -> Row | None:
        """Return the row with this key. Suspends.

        Raises:
            StorageUnavailable: If the database cannot be used.
        """

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        """Return the rows with these keys of these stores, in this order, from one transaction. Suspends.

        Raises:
            StorageUnavailable: If the database cannot be used.
        """

    async def get_all(self, store: str, *, index: str | None = None, key: Key | None = None) -> list[Row]:
        """Return all rows in the order of their keys, or those that ``index`` lists under ``key``. Suspends.

        Raises:
            StorageUnavailable: If the database cannot be used.
        """

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        """Apply all changes in one transaction, or none of them. Suspends.

        Where the caller is cancelled, all of them are applied or none.

        Args:
            changes: The changes, in their order.
            condition: Checked in the same transaction.

        Returns:
            True if the changes were applied, False if the condition does not hold.

        Raises:
            QuotaExceeded: If there is not enough space.
            StorageUnavailable: If the database cannot be used.
        """


class Databases(Protocol):
    """Opens databases."""

    async def open(self, schema: Schema) -> Database:
        """Open the database, with its stores created where they are missing, and its rows migrated. Suspends.

        Raises:
            StorageUnavailable: If the browser refuses storage to this page, if a later version made the database, or if
                its rows cannot be migrated. The database stays as it was.
        """
