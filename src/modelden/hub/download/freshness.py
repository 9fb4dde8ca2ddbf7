"""Whether a kept file may be used: one of a pinned revision always, one of a branch if the hub has no other.

Source: Firefox ``ModelHub.sys.mjs`` (``getModelDataAsFile``, ``getETag``): a HEAD with a limit of 1000 ms, the kept
copy counts if tags agree or the hub is silent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from modelden.errors import FileNotFoundOnHub, UnavailableError
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.policy import FileRequest
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.partials import FileKey
from modelden.hub.store.records import CachedFile
from modelden.hub.store.usage import Consumer
from modelden.hub.store.writer import CacheWriter
from modelden.ports import Fetcher

logger = logging.getLogger(__name__)

BRANCH = "main"
"""The one revision that may change under its name; every other is pinned."""

HEAD_TIMEOUT = 1.0
"""Seconds that the hub has to tell a branch's entity tag (Firefox: ``getETag``)."""


class Freshness:
    """What is known of a hub's files before anything is downloaded."""

    def __init__(self, fetcher: Fetcher, keeper: CacheWriter, cache: ModelCache) -> None:
        """Nothing is asked yet."""
        self._fetcher = fetcher
        self._keeper = keeper
        self._cache = cache

    async def check(self, wish: FileRequest, url: str) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        """Return a file if it is kept, and may be used; and what `head` told of it, None also when it was not asked."""
        if wish.file.revision != BRANCH:
            return await self.current(wish.key, wish.use, {}), None
        if wish.branch is None:
            told = await self.head(url)
            return await self.current(wish.key, wish.use, told or {}), told
        if wish.branch.stored_only:
            kept = await self.current(wish.key, wish.use, {})
            if kept is None:
                raise not_found(url, 404, wish.file)
            return wish.branch.mark_served(wish.key, kept), None
        staged = wish.branch.staged(wish.key)
        return (staged, None) if staged else await self._check_branch(wish, wish.branch, url)

    async def _check_branch(
        self, wish: FileRequest, branch: BranchUpdate, url: str
    ) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        status, told = await self._send_head(url, HEAD_TIMEOUT)
        kept = await self.current(wish.key, wish.use, {})
        if kept is None:
            return None, told
        if told and told.get("etag") == kept.etag:
            return branch.mark_served(wish.key, kept), told
        if status in (404, 410):
            await branch.mark_changed(wish.key, is_deleted=True)
            raise not_found(url, status, wish.file)
        if told and "etag" in told:
            await branch.mark_changed(wish.key)
            return None, told
        # A hub that never gave a tag for the file cannot be asked whether it changed.
        if not told or kept.etag is not None:
            branch.mark_unconfirmed(wish.key)
        return branch.mark_served(wish.key, kept), told

    async def current(self, key: FileKey, use: Consumer, head: Mapping[str, str]) -> CachedFile | None:
        """Return a file if it is kept in the state that the hub told of, or if it told of none."""
        kept = self._keeper.in_memory(key) or await self._cache.get(key, use)
        # Tags are compared as they are, weak or not.
        return kept if kept is None or head.get("etag") in (None, kept.etag) else None

    async def head(self, url: str, timeout: float = HEAD_TIMEOUT) -> Mapping[str, str] | None:  # noqa: ASYNC109
        """Return what the hub tells of a file: nothing of one that it does not have. None without an answer."""
        return (await self._send_head(url, timeout))[1]

    async def _send_head(self, url: str, timeout: float) -> tuple[int, Mapping[str, str] | None]:  # noqa: ASYNC109
        try:
            async with self._fetcher.fetch(url, method="HEAD", timeout=timeout) as response:
                return response.status, response.headers if response.status == 200 else {}
        except UnavailableError as error:
            logger.debug("The hub does not tell which state of a file it has: %s", error)
            return 0, None


def not_found(url: str, status: int, file: ModelFile) -> FileNotFoundOnHub:
    """Return the error of a file that the hub does not have."""
    return FileNotFoundOnHub(url, status, model=file.model, revision=file.revision, file=file.file)
