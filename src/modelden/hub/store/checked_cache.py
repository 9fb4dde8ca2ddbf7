"""The model cache as a hub with ``require_hashes`` sees it: without files whose hash nobody vouches for.

A file may be stored as ``first-seen`` by an earlier configuration, by an import or by another hub. Here it counts as
absent. When the hub or a manifest promises its hash, the stored bytes are linked, and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelden.hub.catalog.integrity import FIRST_SEEN

if TYPE_CHECKING:
    from modelden.hub.store.cache import ModelCache
    from modelden.hub.store.records import CachedFile, FileKey
    from modelden.hub.store.usage import Consumer


class CheckedCache:
    """The files of a `cache.ModelCache` that were checked against a promised hash."""

    def __init__(self, cache: ModelCache) -> None:
        self._cache = cache

    async def get(self, key: FileKey, consumer: Consumer | None) -> CachedFile | None:
        """Return a checked file; see `cache.ModelCache.get`."""
        file = await self._cache.get(key, consumer)
        return None if file is None or file.integrity == FIRST_SEEN else file

    async def read(self, keys: Sequence[FileKey], consumer: Consumer | None) -> dict[FileKey, CachedFile]:
        """Return the checked ones of these files; see `cache.ModelCache.read`."""
        files = await self._cache.read(keys, consumer)
        return {key: file for key, file in files.items() if file.integrity != FIRST_SEEN}
