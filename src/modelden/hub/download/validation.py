"""Validation of stored files after a load that failed: those of which the hub has other bytes are downloaded again.

Source: RFC 9111, section 4.3 ("Validation"). A pinned revision is never validated otherwise. But what was stored of it
may be the wrong answer of a server on a bad day. Files that a signed manifest vouches for are not asked about.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from modelden.core.response_body import parse_whole
from modelden.errors import IntegrityError, UnavailableError
from modelden.hub.catalog.integrity import SIGNED, hash_from_headers, is_current

if TYPE_CHECKING:
    from modelden.hub.store.cache import ModelCache
    from modelden.hub.store.records import CachedFile, FileKey

logger = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds that the hub has to send the headers of a file."""

HEAD_REFUSED = (400, 403, 405, 501)
"""Statuses of hubs, and of signed URLs of a storage, that answer GET alone."""

SMALL_SIZE = 16 * 1024 * 1024
"""Bytes of a file that is downloaded again if the hub tells no more than the same size."""


class Validation:
    """Validates stored files of one hub.

    Attributes:
        unchanged: Files that were downloaded again to the same bytes: once in a page is enough.
    """

    def __init__(self, cache: ModelCache) -> None:
        self.unchanged: set[FileKey] = set()
        self._cache = cache

    async def run(
        self,
        urls: Mapping[FileKey, str],
        send_head: Callable[[str, float], Awaitable[tuple[int, Mapping[str, str] | None]]],
        download: Callable[[FileKey], Awaitable[CachedFile]],
    ) -> list[FileKey]:
        """Download the files again of which the hub has other bytes, and return the keys of those that changed.

        A hub that does not respond, or sends something wrong again, leaves a file as it is stored.

        Args:
            urls: URLs of the files on their hub.
            send_head: Returns the status and the headers of a URL, within a number of seconds.
            download: Downloads a file, whatever is stored of it.

        Raises:
            StorageError: If the browser's storage fails. Files that were replaced before stay so.
        """
        changed: list[FileKey] = []
        for key, url in urls.items():
            stored = await self._cache.get(key, None)
            if stored is None or stored.integrity == SIGNED or key in self.unchanged:
                continue
            status, headers = await send_head(url, TIMEOUT)
            if status not in HEAD_REFUSED and not may_differ(stored, headers):
                continue
            try:
                file = await download(key)
            except (IntegrityError, UnavailableError) as error:
                logger.info("What is stored of %s stays: %s", url, error)
                continue
            (self.unchanged.add if file.sha256 == stored.sha256 else changed.append)(key)
        return changed


def may_differ(stored: CachedFile, headers: Mapping[str, str] | None) -> bool:
    """Return True if the hub may have other bytes than the store, by the headers of its response to HEAD.

    Args:
        stored: The stored file.
        headers: The headers; empty if the hub does not have the file, None without a response.
    """
    if not headers:
        return False
    if not is_current(headers, stored.sha256, stored.etag):
        return True
    if hash_from_headers(headers) is not None:
        return False
    length = parse_whole(headers.get("content-length", ""))
    if length not in (None, stored.blob.size):
        return True
    has_etags = stored.etag is not None and "etag" in headers
    return not has_etags and (length is None or stored.blob.size <= SMALL_SIZE)
