"""What becomes of a file that has come: there is room and it is stored, or memory will do, or that is an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelden.errors import QuotaExceeded, StorageError
from modelden.hub.policy import HubPolicy
from modelden.hub.store.cache import ModelCache, StagedFile
from modelden.hub.store.partials import FileKey, Partials
from modelden.hub.store.quota import StorageQuota
from modelden.hub.store.records import CachedFile, Provenance, header_record
from modelden.hub.store.usage import Consumer

if TYPE_CHECKING:
    from modelden.hub.download.chunk_writer import ReceivedBody


class CacheWriter:
    """Keeps the files of one page.

    Attributes:
        wrote: Something was stored.
    """

    def __init__(self, cache: ModelCache, partials: Partials, room: StorageQuota, rules: HubPolicy) -> None:
        """Nothing is kept in memory.

        Args:
            cache: Where whole files are.
            partials: Where their beginnings are.
            room: Asked before.
            rules: Whether memory will do where there is none.
        """
        self._cache = cache
        self._partials = partials
        self._room = room
        self._rules = rules
        self._memory: dict[FileKey, CachedFile] = {}
        self._refused: set[tuple[str, str]] = set()
        self.wrote = False

    def in_memory(self, key: FileKey) -> CachedFile | None:
        """Return a file that could not be stored."""
        return self._memory.get(key)

    async def replaced(self, given: Mapping[FileKey, str]) -> set[FileKey]:
        """Return those of these files that are kept by now with another SHA-256 than this one."""
        now = await self._cache.hashes([key for key in given if key not in self._memory])
        return {key for key, sha256 in now.items() if sha256 != given[key]}

    async def may_store(self, key: FileKey, size: int) -> bool:
        """Reserve room for what is still to come of a file; False: there is none, and memory will do.

        Raises:
            QuotaExceeded: If there is none, and memory will not do.
        """
        if key[:2] in self._refused:
            return False
        try:
            if size:
                await self._room.reserve(key, size)
        except QuotaExceeded as error:
            await self._refuse_or_warn(error)
            return False
        return True

    async def may_store_model(self, model: str, revision: str, size: int) -> None:
        """Look for room for what is still to come of a model; where there is none and memory will do, for all of it.

        Raises:
            QuotaExceeded: If there is none, and memory will not do.
        """
        key = (model, revision, "")
        self._refused.discard(key[:2])
        if not await self.may_store(key, size):
            self._refused.add(key[:2])
        self.release(key)

    def release(self, key: FileKey) -> None:
        """Give back what `may_store` reserved."""
        self._room.release(key)

    async def keep(self, key: FileKey, use: Consumer, received: ReceivedBody, origin: Provenance) -> CachedFile:
        """Keep a whole file that was checked.

        Raises:
            StorageError: If it cannot be stored, and memory will not do.
        """
        (kept,) = await self.keep_all([await self.accept(key, use, received, origin)])
        return kept

    async def accept(self, key: FileKey, use: Consumer, received: ReceivedBody, origin: Provenance) -> StagedFile:
        """Take a whole file that was checked, to be kept later.

        Raises:
            StorageError: If it cannot be stored, and memory will not do.
        """
        if received.refusal is not None:
            await self._refuse_or_warn(received.refusal, received.size)
        try:
            if received.stored and not self._room.is_reserved(key):
                await self._room.reserve(key, received.size)  # the hub had not told the size
        except StorageError as error:
            received = await self._unstored(key, received, error)
        return StagedFile(key, use, received, origin)

    async def keep_all(self, come: Sequence[StagedFile], gone: Collection[FileKey] = ()) -> list[CachedFile]:
        """Keep whole files in place of what is kept under their names, and remove others: all of it, or nothing.

        Raises:
            StorageError: If it cannot be stored, and memory will not do.
        """
        fields: dict[FileKey, Mapping[str, Any]] = {}
        stored = [each for each in come if each.received.stored]
        try:
            if stored or gone:
                records = await self._cache.put_all(stored, gone)
                fields = {each.key: record for each, record in zip(stored, records, strict=True)}
                self.wrote = True
        except StorageError as error:
            for each in stored:
                await self._unstored(each.key, each.received, error)
        files = {
            each.key: cached_file(each)._replace(fields=fields.get(each.key, cached_file(each).fields)) for each in come
        }
        for key in gone:
            self._memory.pop(key, None)
        for key, kept in files.items():
            if key in fields:
                self._memory.pop(key, None)
            else:
                self._memory[key] = kept
        return list(files.values())

    async def link(self, key: FileKey, use: Consumer, twin: FileKey, origin: Provenance) -> CachedFile | None:
        """Keep the bytes of another file as this one; None when they are not there any more.

        Raises:
            StorageError: If that cannot be stored, and memory will not do.
        """
        try:
            return await self._cache.get(key, None) if await self._cache.link(key, use, twin, origin) else None
        except StorageError as error:
            await self._refuse_or_warn(error)
        same = await self._cache.get(twin, None)
        if same is None:
            return None
        fields = header_record(origin.headers, same.blob.size, 0)
        self._memory[key] = CachedFile(same.blob, same.sha256, origin.integrity, fields)
        return self._memory[key]

    async def _unstored(self, key: FileKey, received: ReceivedBody, error: StorageError) -> ReceivedBody:
        await self._partials.drop(key)
        await self._refuse_or_warn(error, received.size)
        return received._replace(stored=False)

    async def _refuse_or_warn(self, error: StorageError, needed: int | None = None) -> None:
        if isinstance(error, QuotaExceeded):
            await self._room.explain(error, needed)
        if not self._rules.memory_when_full:
            raise error
        self._rules.in_memory.warn(error)


def cached_file(arrival: StagedFile) -> CachedFile:
    """Return a file that has come, as it is before it is kept."""
    received, origin = arrival.received, arrival.origin
    return CachedFile(received.blob, received.sha256, origin.integrity, header_record(origin.headers, received.size, 0))
