"""Freshness of stored files of a branch: a file is fresh if the hub's entity tag is the stored one.

Source: Firefox ``ModelHub.sys.mjs`` (``getModelDataAsFile``, ``getETag``): a HEAD with a limit of 1000 ms, the stored
copy counts if tags agree or the hub is silent. Files of pinned revisions are always fresh.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from modelden.errors import FileNotFoundOnHub, UnavailableError
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.download.request import FileRequest
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.records import CachedFile, FileKey
from modelden.hub.store.usage import Consumer
from modelden.ports import Fetcher

logger = logging.getLogger(__name__)

BRANCH = "main"
"""The one revision that may change under its name; every other is pinned."""

HEAD_TIMEOUT = 1.0
"""Seconds that the hub has to tell a branch's entity tag (Firefox: ``getETag``)."""


class Freshness:
    """Compares stored files of branches with one hub."""

    def __init__(self, fetcher: Fetcher, cache: ModelCache) -> None:
        self._fetcher = fetcher
        self._cache = cache

    async def check(self, request: FileRequest) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        """Return a file of a branch if it is stored and fresh.

        Returns:
            The file, or None; and the headers of the hub's answer, None without an answer or a request.

        Raises:
            FileNotFoundOnHub: If the hub has deleted it.
        """
        branch = request.branch
        if branch is None:
            headers = await self.head(request.url)
            return await self.current(request.key, request.consumer, headers or {}), headers
        if branch.stored_only:
            cached = await self.current(request.key, request.consumer, {})
            if cached is None:
                raise not_found(request.url, 404, request.file)
            return branch.mark_served(request.key, cached), None
        staged = branch.staged(request.key)
        return (staged, None) if staged else await self._check_branch(request, branch)

    async def _check_branch(
        self, request: FileRequest, branch: BranchUpdate
    ) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        status, headers = await self._send_head(request.url, HEAD_TIMEOUT)
        cached = await self.current(request.key, request.consumer, {})
        if cached is None:
            return None, headers
        if headers and headers.get("etag") == cached.etag:
            return branch.mark_served(request.key, cached), headers
        if status in (404, 410):
            await branch.mark_changed(request.key, is_deleted=True)
            raise not_found(request.url, status, request.file)
        if headers and "etag" in headers:
            await branch.mark_changed(request.key)
            return None, headers
        # A hub that never sent a tag of the file cannot tell that it changed.
        if not headers or cached.etag is not None:
            branch.mark_unconfirmed(request.key)
        return branch.mark_served(request.key, cached), headers

    async def current(self, key: FileKey, consumer: Consumer, headers: Mapping[str, str]) -> CachedFile | None:
        """Return a file if it is stored with the entity tag of these headers, or if they have none."""
        cached = await self._cache.get(key, consumer)
        # Tags are compared as they are, weak or not.
        return cached if cached is None or headers.get("etag") in (None, cached.etag) else None

    async def head(self, url: str, timeout: float = HEAD_TIMEOUT) -> Mapping[str, str] | None:  # noqa: ASYNC109
        """Return the hub's headers of a file; none of a file that it does not have. None without an answer."""
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
