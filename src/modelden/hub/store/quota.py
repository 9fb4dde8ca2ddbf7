"""Free space, checked before the first byte of a file, against the browser's quota and ``max_cache_size``.

Chromium tells all pages the same quota, whatever they have stored. There, the space for a large file is tried out; a
small file is refused at its first chunk, and so is the space for several small ones.

Models leave some space free (`spare_space`). A model with files without end cannot keep settings, headers and the
runtime out of the browser.

The limit and its message are Firefox's (``browser.ml.modelCacheMaxSize``, ``ModelHub.sys.mjs``), checked before the
download and not after it. On request, the least recently used models are evicted.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from modelden.core.age import age
from modelden.errors import CacheSizeExceeded, QuotaExceeded
from modelden.hub.policy import StoragePolicy
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey, RevisionKey, StoredModel, model_key, revision_of
from modelden.hub.store.reservations import Reservations
from modelden.hub.store.usage import Pins, is_pinned, use_lock
from modelden.ports import Clock, Locks, Page

logger = logging.getLogger(__name__)

GIB = 1024**3

LARGE_SIZE = 16 * 1024**2
"""Size in bytes from which on space is tried out where the browser does not tell, for one file or for several."""

SPARE = 64 * 1024**2
"""Largest space in bytes that models leave free: settings and a runtime of 40 MB can always be stored and renewed."""


class StorageQuota:
    """The space of one store."""

    def __init__(
        self,
        cache: ModelCache,
        partials: PartialDownloads,
        sweep: Callable[[], Awaitable[None]],
        delete: Callable[[RevisionKey], Awaitable[None]],
        pins: Pins,
        page: Page,
        locks: Locks,
        policy: StoragePolicy,
        reservations: Reservations,
        clock: Clock,
    ) -> None:
        self._cache = cache
        self._partials = partials
        self._sweep = sweep
        self._delete = delete
        self._pins = pins
        self._page = page
        self._locks = locks
        self._policy = policy
        self._reservations = reservations
        self._clock = clock

    async def reserve(self, key: FileKey, size: int, *, may_evict: bool = True) -> None:
        """Reserve space for the remaining bytes of a file; with an empty path, of a model.

        Args:
            key: Key of the file.
            size: Bytes.
            may_evict: Other models may be evicted for them, if the policy says so.

        Raises:
            CacheSizeExceeded: If the limit leaves too little.
            QuotaExceeded: If the browser has too little.
        """
        async with self._reservations.lock:
            self.release(key)
            error = await self._shortage(key, size)
            if error is not None:
                await self._sweep()
                error = await self._shortage(key, size)
            if error is not None and self._policy.evict and may_evict:
                await self._evict(key, (error.needed or 0) - (error.available or 0))
                error = await self._shortage(key, size)
            if error is not None:
                raise error
            stored = (await self._partials.sizes()).get(key, 0)
            self._reservations.sizes[key], self._reservations.stored[key] = size, stored

    async def extend(self, key: FileKey, size: int, *, may_evict: bool) -> None:
        """Reserve space for a file that has become larger than its reservation; errors as `reserve`.

        Args:
            key: Key of the file.
            size: Bytes of the whole file, stored or not.
            may_evict: As for `reserve`.
        """
        await self.reserve(key, size - (await self._partials.sizes()).get(key, 0), may_evict=may_evict)

    def is_reserved(self, key: FileKey) -> bool:
        """Return True if space is reserved for a file."""
        return key in self._reservations.sizes

    def release(self, key: FileKey) -> None:
        """Free the reservation of a file: its bytes are stored, or do not come."""
        self._reservations.sizes.pop(key, None)
        self._reservations.stored.pop(key, None)

    async def add_details(self, error: QuotaExceeded, needed: int | None) -> None:
        """Add the needed bytes, and usage and quota of the browser, to an error's message."""
        usage, quota, _ = await self._page.storage_estimate()
        error.note(needed, usage, quota)

    async def has_space(self, size: int) -> bool:
        """Return True if the browser has space for a temporary copy of this size. Nothing is evicted for it."""
        return await self._browser_shortage("", size, self._reserved(None)) is None

    async def _shortage(self, key: FileKey, size: int) -> QuotaExceeded | None:
        reserved = self._reserved(key)
        free = await self._free_bytes(size + reserved)
        if self._policy.max_size is not None and free is not None and size > free - reserved:
            return CacheSizeExceeded(_name(key), self._policy.max_size, size, max(free - reserved, 0))
        return await self._browser_shortage(_name(key), size, reserved)

    def _reserved(self, key: FileKey | None) -> int:
        """Return the bytes reserved for other files; the files of a model are no others of that model."""
        model = None if key is None or key.path else key.revision_key
        return sum(size for other, size in self._reservations.sizes.items() if other.revision_key != model)

    async def _free_bytes(self, required: int) -> int | None:
        """Return the bytes that the limit leaves; None if ``required`` fits in any case."""
        if self._policy.max_size is None:
            return None
        limit = int(self._policy.max_size * GIB)
        # The browser's estimate of the usage is quick and never less than the size of the models. The exact size needs
        # all rows: 0.8 s for 10,000 files on two busy cores.
        usage, _, _ = await self._page.storage_estimate()
        if usage is not None and required <= limit - usage:
            return None
        return limit - await self._stored_bytes()

    async def _browser_shortage(self, name: str, size: int, reserved: int) -> QuotaExceeded | None:
        usage, quota, _ = await self._page.storage_estimate()
        spare = SPARE if quota is None else spare_space(quota)
        if usage is not None and quota is not None:
            free = quota - usage - reserved
            if size > free - spare and not self._takes_little(size, free, spare):
                return QuotaExceeded(name, size, max(free - spare, 0))
        self._reservations.untried += size
        if self._reservations.untried >= LARGE_SIZE:
            if not await self._page.can_store(size + reserved + spare):
                return QuotaExceeded(name, size)
            self._reservations.untried = 0
        return None

    def _takes_little(self, size: int, free: int, spare: int) -> bool:
        """Take a small file from the spare space, up to a 64th of it in a page: where others fill the origin."""
        total = self._reservations.taken + size
        if size > free or total > spare // 64:
            return False
        self._reservations.taken = total
        return True

    async def _stored_bytes(self) -> int:
        """Return the stored bytes, without those that came after their space was reserved."""
        partial = {**await self._partials.sizes(), **self._reservations.stored}
        return await self._cache.size() + sum(partial.values())

    async def _evict(self, key: FileKey, excess: int) -> None:
        pins = await self._pins.keys()
        protected = {key.revision_key}
        # Interrupted downloads go first: nobody can use them yet.
        excess -= await self._partials.delete_where(
            lambda row: revision_of(row) not in protected and not is_pinned(revision_of(row), pins), excess
        )
        models = await self._cache.list_models()
        protected |= await self._partials.models() | await self._used_models(models)
        protected |= {revision for revision in map(model_key, models) if is_pinned(revision, pins)}
        for model in eviction_candidates(models, excess, protected, self._clock.now()):
            logger.info("Evicting %s %s: %s needs its space", model.name, model.revision, _name(key))
            await self._delete(model_key(model))

    async def _used_models(self, models: Iterable[StoredModel]) -> set[RevisionKey]:
        used = set()
        for revision_key in map(model_key, models):
            async with self._locks.try_hold(use_lock(revision_key)) as is_free:
                if not is_free:
                    used.add(revision_key)
        return used


def spare_space(quota: int) -> int:
    """Return the bytes of a quota that models leave free: a quarter, and `SPARE` at most. Pure."""
    return min(SPARE, quota // 4)


def _name(key: FileKey) -> str:
    return key.name.removesuffix("/")


def eviction_candidates(
    models: Iterable[StoredModel], excess: int, protected: Collection[RevisionKey], now: int
) -> Sequence[StoredModel]:
    """Return the least recently used models that free ``excess`` bytes; none if all candidates are too few. Pure."""
    chosen = []
    for model in sorted(models, key=lambda candidate: (-age(now, candidate.last_used), candidate.last_used)):
        if excess <= 0:
            break
        if model_key(model) not in protected:
            chosen.append(model)
            excess -= model.size
    return chosen if excess <= 0 else []
