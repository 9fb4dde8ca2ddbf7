"""Freshness of stored files of a branch: a file is fresh if the hub has the same entity tag.

Source: Firefox ``ModelHub.sys.mjs`` (``getModelDataAsFile``, ``getETag``): a HEAD with a limit of 1000 ms. The stored
copy is used if the tags agree, or if the hub does not respond. Files of pinned revisions are always fresh.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelden.errors import UnavailableError

if TYPE_CHECKING:
    from modelden.hub.download.branch_update import BranchUpdate
    from modelden.hub.download.request import FileRequest
    from modelden.hub.store.cache import ModelCache
    from modelden.hub.store.records import CachedFile
    from modelden.ports import Fetcher

logger = logging.getLogger(__name__)

HEAD_TIMEOUT = 1.0
"""Seconds that the hub has to send the entity tag of a branch's file (Firefox: ``getETag``)."""


class Freshness:
    """Compares stored files of branches with one hub."""

    def __init__(self, fetcher: Fetcher, cache: ModelCache) -> None:
        self._fetcher = fetcher
        self._cache = cache

    async def check(self, request: FileRequest) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        """Return a file of a branch if it is stored and fresh.

        Returns:
            The file, or None; and the headers of the hub's response, None without a response or a request.

        Raises:
            FileNotFoundOnHub: If the hub has deleted it.
        """
        branch = request.branch
        if branch is None:
            headers = await fetch_headers(self._fetcher, request.url)
            return await self._cache.get(request.key, request.consumer, (headers or {}).get("etag")), headers
        if branch.stored_only:
            cached = await self._cache.get(request.key, request.consumer)
            if cached is None:
                raise request.not_found(request.url, 404)
            return branch.mark_served(request.key, cached), None
        staged = branch.staged(request.key)
        return (staged, None) if staged else await self._check_branch(request, branch)

    async def _check_branch(
        self, request: FileRequest, branch: BranchUpdate
    ) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        status, headers = await _send_head(self._fetcher, request.url, HEAD_TIMEOUT)
        cached = await self._cache.get(request.key, request.consumer)
        if cached is None:
            return None, headers
        if headers and headers.get("etag") == cached.etag:
            return branch.mark_served(request.key, cached), headers
        if status in (404, 410):
            await branch.mark_changed(request.key, is_deleted=True)
            raise request.not_found(request.url, status)
        if headers and "etag" in headers:
            await branch.mark_changed(request.key)
            return None, headers
        # A hub that never sent a tag of the file cannot tell that it changed.
        if not headers or cached.etag is not None:
            branch.mark_unconfirmed(request.key)
        return branch.mark_served(request.key, cached), headers


async def fetch_headers(
    fetcher: Fetcher,
    url: str,
    timeout: float = HEAD_TIMEOUT,  # noqa: ASYNC109  ends with headers
) -> Mapping[str, str] | None:
    """Return the hub's headers of a file; empty for a file that it does not have. None without a response."""
    return (await _send_head(fetcher, url, timeout))[1]


async def _send_head(
    fetcher: Fetcher,
    url: str,
    timeout: float,  # noqa: ASYNC109
) -> tuple[int, Mapping[str, str] | None]:
    try:
        async with fetcher.fetch(url, method="HEAD", timeout=timeout) as response:
            return response.status, response.headers if response.status == 200 else {}
    except UnavailableError as error:
        logger.debug("The entity tag of %s is unknown: %s", url, error)
        return 0, None
