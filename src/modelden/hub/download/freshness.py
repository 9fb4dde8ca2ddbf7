"""Freshness of stored files of a branch: a file is fresh if the hub has the same entity tag.

Source: Firefox ``ModelHub.sys.mjs`` (``getModelDataAsFile``, ``getETag``): a HEAD with a limit of 1000 ms. The stored
copy is used if the tags agree, or if the hub does not respond. Files of pinned revisions are always fresh. If a hub
promises hashes, the stored hash is compared in place of the tag (`catalog.integrity.is_current`).

Once a load uses a list of the hub, its stored files are compared with that list: its other files are of the list's
commit, and the branch may have moved since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from modelden.errors import UnavailableError
from modelden.hub.catalog.integrity import hash_from_headers, is_current

if TYPE_CHECKING:
    from modelden.hub.catalog.file_index import FileIndex
    from modelden.hub.download.branch_update import BranchUpdate
    from modelden.hub.download.request import FileRequest
    from modelden.hub.store.cache import ModelCache
    from modelden.hub.store.checked_cache import CheckedCache
    from modelden.hub.store.records import CachedFile
    from modelden.ports import Fetcher

logger = logging.getLogger(__name__)

HEAD_TIMEOUT = 1.0
"""Seconds that the hub has to send the entity tag of a branch's file (Firefox: ``getETag``)."""


class Freshness:
    """Compares stored files of branches with one hub."""

    def __init__(
        self, fetcher: Fetcher, cache: ModelCache | CheckedCache, index: Callable[[], FileIndex] | None = None
    ) -> None:
        """Create it.

        Args:
            fetcher: Sends the requests.
            cache: The stored files.
            index: Opens the hub's lists, for files whose entity tag cannot be read; None for a hub without lists.
        """
        self._fetcher = fetcher
        self._cache = cache
        self._index = index

    async def check(self, request: FileRequest) -> tuple[CachedFile | None, Mapping[str, str] | None]:
        """Return a file of a branch if it is stored and fresh.

        Returns:
            The file, or None; and the headers of the hub's response, None without a response or a request.

        Raises:
            FileNotFoundOnHub: If the hub has deleted it.
        """
        branch = request.branch
        if branch is None:
            listed, is_fresh = await self._check_list(request)
            if is_fresh is not None:
                return listed if is_fresh else None, None
            headers = await fetch_headers(self._fetcher, request.url)
            cached = await self._cache.get(request.key, request.consumer)
            is_fresh = cached is not None and await self.is_current(request, cached, headers) is not False
            return cached if is_fresh else None, headers
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
        cached, is_fresh = await self._check_list(request)
        status, headers = 0, None
        if is_fresh is None:
            status, headers = await send_head(self._fetcher, request.url, HEAD_TIMEOUT)
            cached = await self._cache.get(request.key, request.consumer)
            is_fresh = None if cached is None else await self.is_current(request, cached, headers)
        if cached is None:
            return None, headers
        if is_fresh:
            return branch.mark_served(request.key, cached), headers
        if is_fresh is False:
            await branch.mark_changed(request.key)
            return None, headers
        if status in (404, 410):
            await branch.mark_changed(request.key, is_deleted=True)
            raise request.not_found(request.url, status)
        # A hub that never sent a tag of the file cannot tell that it changed.
        if not headers or cached.etag is not None:
            branch.mark_unconfirmed(request.key)
        return branch.mark_served(request.key, cached), headers

    async def is_current(
        self, request: FileRequest, cached: CachedFile, headers: Mapping[str, str] | None
    ) -> bool | None:
        """Compare a stored file with the load's list or the hub's response; None if neither tells its state."""
        if (is_listed := await self._compare(request, cached)) is not None:
            return is_listed
        if headers and (hash_from_headers(headers) or "etag" in headers):
            return is_current(headers, cached.sha256, cached.etag)
        if not headers or self._index is None:
            return None
        return await self._index().is_current(request.file, request.lists, cached.sha256, cached.blob)

    async def _check_list(self, request: FileRequest) -> tuple[CachedFile | None, bool | None]:
        """Return a stored file, and whether it is that of the load's list; None without a list that tells."""
        if not self._uses_list(request):  # as in most visits
            return None, None
        cached = await self._cache.get(request.key, request.consumer)
        return cached, None if cached is None else await self._compare(request, cached)

    async def _compare(self, request: FileRequest, cached: CachedFile) -> bool | None:
        if self._index is None or not self._uses_list(request):
            return None
        return await self._index().is_current(request.file, request.lists, cached.sha256, cached.blob)

    def _uses_list(self, request: FileRequest) -> bool:
        """Return True if the load uses a list.

        Files that are downloaded together have one from the beginning. A load of an engine has one once it downloads
        something: most visits find all files stored.
        """
        if self._index is None or request.lists is None:
            return False
        return request.branch is None or (request.file.model, request.file.revision) in request.lists


async def fetch_headers(
    fetcher: Fetcher,
    url: str,
    timeout: float = HEAD_TIMEOUT,  # noqa: ASYNC109  ends with headers
) -> Mapping[str, str] | None:
    """Return the hub's headers of a file; empty for a file that it does not have. None without a response."""
    return (await send_head(fetcher, url, timeout))[1]


async def send_head(
    fetcher: Fetcher,
    url: str,
    timeout: float,  # noqa: ASYNC109  ends with headers
) -> tuple[int, Mapping[str, str] | None]:
    """Return the status of a file and the headers of `fetch_headers`; 0 without a response."""
    try:
        async with fetcher.fetch(url, method="HEAD", timeout=timeout) as response:
            return response.status, response.headers if 200 <= response.status < 300 else {}
    except UnavailableError as error:
        logger.debug("The entity tag of %s is unknown: %s", url, error)
        return 0, None
