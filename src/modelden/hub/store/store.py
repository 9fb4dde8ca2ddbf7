"""The store of model files: one object per database and page, shared by all hubs.

Quota, files in memory, compaction and sweep exist once for each database. Nothing outside `hub.store` knows its rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from modelden.hub.catalog.names import check_stored
from modelden.hub.policy import HubPolicy, StoragePolicy
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.records import CachedFile, FileKey, RevisionKey, StoredFile, StoredModel
from modelden.hub.store.reservations import Reservations
from modelden.hub.store.usage import ModelLease, NegativeCache, Pins, use_lock
from modelden.ports import Database, Ports

if TYPE_CHECKING:
    from modelden.hub.store.checked_cache import CheckedCache
    from modelden.hub.store.compaction import Compactor
    from modelden.hub.store.deletion import Deletion
    from modelden.hub.store.inventory import Inventory
    from modelden.hub.store.partials import DownloadLock, PartialDownloads
    from modelden.hub.store.quota import StorageQuota
    from modelden.hub.store.verification import VerifiedFile
    from modelden.hub.store.writer import CacheWriter


class Store:
    """The model files of one page.

    A visit that finds all files stored only reads. Modules that write, delete or check space are imported at first use.

    Attributes:
        policy: Limits, and the use of memory.
        cache: Complete files.
        missing: Files that hubs do not have.
    """

    def __init__(
        self, database: Database, ports: Ports, policy: StoragePolicy, reservations: Reservations | None = None
    ) -> None:
        """Create the store of a page.

        Args:
            database: Open database with the stores of `schema.MODEL_FILES`.
            ports: The browser.
            policy: Limits, and the use of memory.
            reservations: Space that downloads of this page need; those of this store alone if none are given.
        """
        self.policy = policy
        self.cache = ModelCache(database, ports.blobs, ports.clock, ports.locks)
        self.missing = NegativeCache(database, ports.clock)
        self._pins = Pins(database)
        self._database = database
        self._ports = ports
        self._reservations = reservations or Reservations()
        self._is_closed = False

    @cached_property
    def partials(self) -> PartialDownloads:
        """Interrupted downloads."""
        from modelden.hub.store.partials import PartialDownloads

        return PartialDownloads(self._database, self._ports.clock, self._ports.locks)

    @cached_property
    def downloads(self) -> DownloadLock:
        """Locks of downloads."""
        from modelden.hub.store.partials import DownloadLock

        return DownloadLock(self._ports.locks, self.partials.get)

    @cached_property
    def writer(self) -> CacheWriter:
        """Stores files."""
        from modelden.hub.store.writer import CacheWriter

        return CacheWriter(self.cache, self.partials, self._quota, self.policy)

    @cached_property
    def compactor(self) -> Compactor:
        """Rewrites files of several chunks."""
        from modelden.hub.store.compaction import Compactor

        compactor = Compactor(self._database, self._quota, self._ports)
        if self._is_closed:
            compactor.close()
        return compactor

    @cached_property
    def inventory(self) -> Inventory:
        """The models that were stored, remembered elsewhere."""
        from modelden.hub.store.inventory import Inventory

        return Inventory(self.cache, self._ports.page, self._ports.tabs)

    @cached_property
    def _deletion(self) -> Deletion:
        from modelden.hub.store.deletion import Deletion

        return Deletion(self._database, self.cache, self.partials, self._ports.locks, self._ports.clock)

    @cached_property
    def _quota(self) -> StorageQuota:
        from modelden.hub.store.quota import StorageQuota

        ports = self._ports
        return StorageQuota(
            self.cache,
            self.partials,
            self.sweep,
            self._delete_revision,
            self._pins,
            ports.page,
            ports.locks,
            self.policy,
            self._reservations,
            ports.clock,
        )

    @property
    def has_written(self) -> bool:
        """True once something was stored."""
        return "writer" in vars(self) and self.writer.has_written

    def close(self) -> None:
        """Stop the work in the background."""
        self._is_closed = True
        if "compactor" in vars(self):
            self.compactor.close()

    def cache_of(self, policy: HubPolicy) -> ModelCache | CheckedCache:
        """Return the complete files that a hub with this policy may serve."""
        if not policy.require_hashes:
            return self.cache
        from modelden.hub.store.checked_cache import CheckedCache

        return CheckedCache(self.cache)

    def lease(self) -> ModelLease:
        """Return a lease, still without models: it keeps models from being evicted until it ends."""
        return ModelLease(self._ports.locks)

    async def list_models(self) -> list[StoredModel]:
        """Return all models and revisions of which something is stored."""
        return await self.cache.list_models()

    async def list_files(self, model: str, revision: str, root: str | None = None) -> list[StoredFile]:
        """Return the complete files of a revision; None for those of all hubs with the model's host name.

        Raises:
            InputError: For names that no stored model can have.
        """
        check_stored(model, revision)
        return await self.cache.list_files(model, revision, root)

    async def list_task_files(self, task_name: str) -> list[StoredFile]:
        """Return the complete files of a task."""
        return await self.cache.list_task_files(task_name)

    async def read_files(self, keys: Collection[FileKey]) -> Mapping[FileKey, CachedFile]:
        """Return the files that are stored completely, with their bytes."""
        return await self.cache.read(list(keys), None)

    async def delete_models(
        self,
        *,
        task_name: str | None = None,
        model: str | None = None,
        revision: str | None = None,
        root: str | None = None,
    ) -> None:
        """Take the files that match all given names from their tasks; files without a task are deleted.

        Raises:
            InputError: For names that no stored model can have.
        """
        if model is not None:
            check_stored(model, "main" if revision is None else revision)
        await self._deletion.delete(task_name=task_name, model=model, revision=revision, root=root)
        await self.inventory.record_deletion()

    async def delete_files(self, keys: Collection[FileKey]) -> None:
        """Delete files, whatever uses them."""
        await self._deletion.delete_files(keys)
        await self.inventory.record_deletion()

    async def delete_unused(self, revision_key: RevisionKey) -> bool:
        """Delete a revision, unless an engine of any tab uses it; returns True if it was deleted."""
        async with self._ports.locks.try_hold(use_lock(revision_key)) as is_free:
            if is_free:
                await self._delete_revision(revision_key)
            return is_free

    async def delete_other_revisions(self, task_name: str, model: str, revision: str) -> None:
        """Take the other revisions of a model from a task; files without a task are deleted."""
        await self._deletion.delete_other_revisions(task_name, model, revision)
        await self.inventory.record_deletion()

    async def delete_by_engine(self, engine_id: str) -> None:
        """Take all files from an engine; those without an engine are deleted."""
        await self._deletion.delete_by_engine(engine_id)
        await self.inventory.record_deletion()

    async def removed_files(self, keys: Collection[FileKey]) -> list[FileKey]:
        """Return the files that are neither stored nor in memory."""
        return [key for key in sorted(keys) if await self.cache.get(key, None) is None]

    async def _delete_revision(self, revision_key: RevisionKey) -> None:
        model, revision, root = revision_key
        await self._deletion.delete(model=model, revision=revision, root=root)
        await self.inventory.record_deletion()

    async def purge(self) -> None:
        """Delete everything."""
        await self._deletion.delete_all()
        await self.inventory.record_deletion()

    async def sweep(self) -> None:
        """Delete abandoned downloads, and rows and bytes that no file needs.

        Raises:
            StorageError: If the browser's storage fails. Earlier deletions stay done.
        """
        await self._deletion.sweep()

    async def pin(self, model: str, revision: str, root: str | None = None, *, pinned: bool) -> None:
        """Pin a revision, so that it is never evicted, or unpin it; None for all hubs with the model's host name.

        Raises:
            InputError: For names that no stored model can have.
        """
        await self._pins.set(model, revision, root, pinned=pinned)
        self.inventory.announce()

    async def pins(self) -> set[RevisionKey]:
        """Return the pinned revisions; see `usage.is_pinned`."""
        return await self._pins.keys()

    async def verify(self, model: str, revision: str, root: str | None = None) -> list[VerifiedFile]:
        """Hash the files of a revision, and delete damaged ones; None for those of all hubs with the model's host name.

        Raises:
            InputError: For names that no stored model can have.
        """
        from modelden.hub.store.verification import verify_files  # imports hashlib

        check_stored(model, revision)
        return await verify_files(self.cache, self._deletion, model, revision, root)

    async def delete_damaged(self, keys: Collection[FileKey]) -> list[FileKey]:
        """Hash these files; returns the damaged ones, which are deleted."""
        from modelden.hub.store.verification import delete_damaged_files

        return await delete_damaged_files(self.cache, self._deletion, keys)
