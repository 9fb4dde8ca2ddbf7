"""Is there room for a file? Asked before its first byte, of the browser and of the limit that was set.

Chromium tells all pages the same quota, whatever they have. There, room for a large file is tried out; what is refused
of a small one is the first chunk that finds none.

The limit and its message are Firefox's (``browser.ml.modelCacheMaxSize``, ``ModelHub.sys.mjs``), checked before the
download rather than after it. On request, models that were not used for the longest time go to make room.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence

from modelden.errors import CacheSizeExceeded, QuotaExceeded
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.partials import FileKey
from modelden.hub.store.records import StoredModel
from modelden.hub.store.tab_locks import use_lock
from modelden.hub.store.usage import Notes
from modelden.ports import Clock, Database, Delete, Locks, Page, Row

logger = logging.getLogger(__name__)


GIVEN_UP = 7 * 24 * 3600 * 1000
"""Milliseconds after which the beginning of a file is not gone on with."""


class Sweep:
    """Sweeps the database of the models."""

    def __init__(self, database: Database, cache: ModelCache, locks: Locks, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._cache = cache
        self._locks = locks
        self._clock = clock

    async def run(self) -> None:
        """Sweep, unless another tab is at it.

        Raises:
            StorageError: If the browser's storage fails; what was removed until then stays removed.
        """
        async with self._locks.try_hold("sweep") as is_free:
            if is_free:
                await self._cache.begun.drop(self._is_given_up)
                await self._cache.drop_lost()
                await self._remove_lost_chunks()

    def _is_given_up(self, row: Row) -> bool:
        age: int = self._clock.now() - row["updatedAt"]
        return age >= GIVEN_UP

    async def _remove_lost_chunks(self) -> None:
        # In this order: chunks that a download stores meanwhile are named by a row that is read later.
        chunks = await self._database.get_all("chunks")
        named = {row["content"] for row in await self._database.get_all("partials")}
        named |= {row["content"] for row in await self._database.get_all("files")}
        lost = [Delete("chunks", (row["content"], row["index"])) for row in chunks if row["content"] not in named]
        await self._database.commit(lost)


GIB = 1024**3

LARGE = 16 * 1024**2
"""Bytes from which on room is tried out where the browser does not tell: less is refused soon enough."""

ModelRevision = tuple[str, str]


class StorageQuota:
    """Keeps account of the bytes that running downloads of this page will store."""

    def __init__(
        self,
        cache: ModelCache,
        sweep: Sweep,
        notes: Notes,
        page: Page,
        locks: Locks,
        max_size: float | None,
        *,
        evict: bool,
    ) -> None:
        """Nothing is reserved.

        Args:
            cache: What is kept.
            sweep: Removes what is of no use any more, before anything is refused or evicted.
            notes: What is not to be removed.
            page: Tells the browser's quota.
            locks: Tell which models are in use.
            max_size: Most GiB to keep, or None for as much as the browser allows.
            evict: Remove other models when there is no room; otherwise that is an error.
        """
        self._cache = cache
        self._notes = notes
        self._page = page
        self._locks = locks
        self._max_size = max_size
        self._evict = evict
        self._sweep = sweep
        self._reserved: dict[FileKey, int] = {}
        self._begun: dict[FileKey, int] = {}

    async def reserve(self, key: FileKey, size: int) -> None:
        """Reserve room for what is still to come of a file; with an empty path, of a model.

        Raises:
            CacheSizeExceeded: If the limit leaves none.
            QuotaExceeded: If the browser has none.
        """
        self.release(key)
        error = await self._shortage(key, size)
        if error is not None:
            await self._sweep.run()
            error = await self._shortage(key, size)
        if error is not None and self._evict:
            await self._make(key, (error.needed or 0) - (error.available or 0))
            error = await self._shortage(key, size)
        if error is not None:
            raise error
        self._reserved[key] = size
        self._begun[key] = (await self._cache.begun.sizes()).get(key, 0)

    def is_reserved(self, key: FileKey) -> bool:
        """Tell whether there was room for a file."""
        return key in self._reserved

    def release(self, key: FileKey) -> None:
        """Give back what was reserved: the bytes are stored, or do not come."""
        self._reserved.pop(key, None)
        self._begun.pop(key, None)

    async def explain(self, error: QuotaExceeded, needed: int | None) -> None:
        """Let an error say what the browser tells of its storage, and what was needed."""
        usage, quota, _ = await self._page.storage_estimate()
        error.note(needed, usage, quota)

    async def has_room(self, size: int) -> bool:
        """Tell whether the browser has room for so many bytes for a moment; nothing goes for it."""
        return await self._browser_shortage("", size, self._taken(None)) is None

    async def _shortage(self, key: FileKey, size: int) -> QuotaExceeded | None:
        taken = self._taken(key)
        left = await self._left(size + taken)
        if self._max_size is not None and left is not None and size > left - taken:
            return CacheSizeExceeded(_name(key), self._max_size, size, max(left - taken, 0))
        return await self._browser_shortage(_name(key), size, taken)

    async def _left(self, wanted: int) -> int | None:
        """Return what the limit leaves; None where that is enough in any case."""
        if self._max_size is None:
            return None
        limit = int(self._max_size * GIB)
        # What the browser tells at once is never less than what is stored of models. To add that up reads all rows:
        # 0.8 s for 10,000 files on two busy cores.
        usage, _, _ = await self._page.storage_estimate()
        if usage is not None and wanted <= limit - usage:
            return None
        return limit - await self._stored()

    def _taken(self, key: FileKey | None) -> int:
        """Return what others have reserved; of a model its own files are no others."""
        model = None if key is None or key[2] else key[:2]
        return sum(size for other, size in self._reserved.items() if other[:2] != model)

    async def _browser_shortage(self, what: str, size: int, taken: int) -> QuotaExceeded | None:
        usage, quota, _ = await self._page.storage_estimate()
        if usage is not None and quota is not None and size > quota - usage - taken:
            return QuotaExceeded(what, size, max(quota - usage - taken, 0))
        if size >= LARGE and not await self._page.can_store(size + taken):
            return QuotaExceeded(what, size)
        return None

    async def _stored(self) -> int:
        """Return the bytes that are stored, without those for which room was reserved."""
        begun = {**await self._cache.begun.sizes(), **self._begun}
        return await self._cache.size() + sum(begun.values())

    async def _make(self, key: FileKey, excess: int) -> None:
        spared = await self._notes.pins() | {(key[0], key[1])}
        # What nobody is at goes before what somebody can use.
        excess -= await self._cache.begun.drop(lambda row: (row["model"], row["revision"]) not in spared, excess)
        models = await self._cache.list_models()
        spared |= await self._notes.begun()
        for victim in eviction_candidates(models, excess, spared | await self._in_use(models)):
            logger.info("%s %s is removed to make room for %s", victim.name, victim.revision, _name(key))
            await self._cache.delete(model=victim.name, revision=victim.revision)

    async def _in_use(self, models: Iterable[StoredModel]) -> set[ModelRevision]:
        used = set()
        for model in models:
            async with self._locks.try_hold(use_lock(model.name, model.revision)) as is_free:
                if not is_free:
                    used.add((model.name, model.revision))
        return used


def _name(key: FileKey) -> str:
    return "/".join(key).removesuffix("/")


def eviction_candidates(
    models: Iterable[StoredModel], excess: int, spared: Collection[ModelRevision]
) -> Sequence[StoredModel]:
    """Return which models go to make room for ``excess`` bytes: none if all that may go would not do. Pure."""
    chosen = []
    for model in sorted(models, key=lambda each: each.last_used):
        if excess <= 0:
            break
        if (model.name, model.revision) not in spared:
            chosen.append(model)
            excess -= model.size
    return chosen if excess <= 0 else []
