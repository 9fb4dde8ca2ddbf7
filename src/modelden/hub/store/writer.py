"""Stores verified files. Without space a file stays in memory if ``memory_when_full`` is set, else it is an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from modelden.errors import QuotaExceeded, StorageError
from modelden.hub.policy import StoragePolicy
from modelden.hub.store.cache import ModelCache, StagedFile
from modelden.hub.store.contents import ReceivedBody
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.quota import StorageQuota
from modelden.hub.store.records import CachedFile, FileKey, Provenance, RevisionKey, header_record
from modelden.hub.store.usage import Consumer

AHEAD = 4 * 1024 * 1024
"""Bytes that are reserved beyond those that were received, where there is space: the next chunks need no check."""


class CacheWriter:
    """Writes to the cache of one store.

    Attributes:
        has_written: True once something was stored.
    """

    def __init__(
        self, cache: ModelCache, partials: PartialDownloads, quota: StorageQuota, policy: StoragePolicy
    ) -> None:
        self.has_written = False
        self._cache = cache
        self._partials = partials
        self._quota = quota
        self._policy = policy
        self._in_memory: set[RevisionKey] = set()
        """Models and revisions without space: all their files go to memory."""

    async def reserve(self, key: FileKey, size: int) -> bool:
        """Reserve space for the remaining bytes of a file; False without space, if memory is allowed.

        Raises:
            QuotaExceeded: Without space, if memory is not allowed.
        """
        if key.revision_key in self._in_memory:
            return False
        try:
            if size:
                await self._quota.reserve(key, size)
        except QuotaExceeded as error:
            await self._use_memory(error)
            return False
        return True

    async def extend(self, key: FileKey, size: int, *, may_evict: bool) -> int | None:
        """Reserve space for a file that has become larger than its reservation.

        Args:
            key: Key of the file.
            size: Bytes that were received of it.
            may_evict: Other models may be evicted for it, if the policy says so.

        Returns:
            The bytes that it may have; None without space, if memory is allowed.

        Raises:
            QuotaExceeded: Without space, if memory is not allowed.
        """
        shortage: QuotaExceeded | None = None
        for extended in (size + AHEAD, size):
            try:
                await self._quota.extend(key, extended, may_evict=may_evict)
            except QuotaExceeded as error:
                shortage = error
            else:
                return extended
        if shortage is not None:
            await self._use_memory(shortage)
        return None

    async def check_model(self, revision_key: RevisionKey, size: int) -> None:
        """Check the space for the remaining bytes of a model; without space all its files go to memory, if allowed.

        Raises:
            QuotaExceeded: Without space, if memory is not allowed.
        """
        model, revision, root = revision_key
        key = FileKey(model, revision, "", root)
        self._in_memory.discard(revision_key)
        if not await self.reserve(key, size):
            self._in_memory.add(revision_key)
        self.release(key)

    def release(self, key: FileKey) -> None:
        """Free the reservation of a file."""
        self._quota.release(key)

    async def write(self, key: FileKey, consumer: Consumer, body: ReceivedBody, provenance: Provenance) -> CachedFile:
        """Store a complete, verified file.

        Raises:
            StorageError: If it cannot be stored, and memory is not allowed.
        """
        (file,) = await self.commit([await self.stage(key, consumer, body, provenance)])
        return file

    async def stage(self, key: FileKey, consumer: Consumer, body: ReceivedBody, provenance: Provenance) -> StagedFile:
        """Take a complete, verified file for a later `commit`.

        Raises:
            StorageError: If it cannot be stored, and memory is not allowed.
        """
        if body.refusal is not None:
            await self._use_memory(body.refusal, body.size)
        try:
            if body.stored and not self._quota.is_reserved(key):
                await self._quota.reserve(key, body.size)  # the hub had not told the size
        except StorageError as error:
            await self._discard(key, body, error)
            body = body._replace(stored=False)
        return StagedFile(key, consumer, body, provenance)

    async def commit(self, staged: Sequence[StagedFile], deleted: Collection[FileKey] = ()) -> list[CachedFile]:
        """Replace files of the cache, and delete others, in one transaction.

        Raises:
            StorageError: If they cannot be stored, and memory is not allowed.
        """
        fields: dict[FileKey, Mapping[str, Any]] = {}
        storable = [file for file in staged if file.body.stored]
        try:
            if storable or deleted:
                records = await self._cache.put(storable, deleted)
                fields = {file.key: record for file, record in zip(storable, records, strict=True)}
                self.has_written = True
        except StorageError as error:
            for file in storable:
                await self._discard(file.key, file.body, error)
        for key in (*deleted, *fields):
            self._cache.memory.pop(key, None)
        cached = []
        for file in staged:
            entry = file.cached()
            if file.key in fields:
                entry = entry._replace(fields=fields[file.key])
            else:
                self._cache.memory[file.key] = entry
            cached.append(entry)
        return cached

    async def link(
        self, key: FileKey, consumer: Consumer, source: FileKey, provenance: Provenance
    ) -> CachedFile | None:
        """Store the bytes of another file as this one too; None if they are not stored any more.

        Raises:
            StorageError: If that cannot be stored, and memory is not allowed.
        """
        try:
            if not await self._cache.link(key, consumer, source, provenance):
                return None
            return (await self._cache.read([key], None)).get(key)
        except StorageError as error:
            await self._use_memory(error)
        file = (await self._cache.read([source], None)).get(source)
        if file is None:
            return None
        fields = header_record(provenance.headers, file.blob.size, 0)
        self._cache.memory[key] = CachedFile(file.blob, file.sha256, provenance.integrity, fields)
        return self._cache.memory[key]

    async def _discard(self, key: FileKey, body: ReceivedBody, error: StorageError) -> None:
        await self._partials.delete(key)
        await self._use_memory(error, body.size)

    async def _use_memory(self, error: StorageError, needed: int | None = None) -> None:
        if isinstance(error, QuotaExceeded):
            await self._quota.add_details(error, needed)
        if not self._policy.allows_memory(error):
            raise error
        self._policy.fallback.warn(error)
