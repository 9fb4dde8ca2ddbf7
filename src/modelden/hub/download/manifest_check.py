"""Checks stored files against a signed manifest, by their stored hashes: no byte is read.

A file may have been stored before its manifest was published, or while nobody asked for manifests. It is `signed` from
then on if its hash is the manifest's. Otherwise it is deleted, or replaced with its branch, and downloaded again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelden.errors import IntegrityError

if TYPE_CHECKING:
    from modelden.hub.catalog.file_info import ManifestReader
    from modelden.hub.download.request import FileRequest
    from modelden.hub.store.records import CachedFile, CachedFiles
    from modelden.hub.store.store import Store

logger = logging.getLogger(__name__)


async def check_stored(
    manifests: ManifestReader, store: Store, requests: Sequence[FileRequest], cached: CachedFiles
) -> CachedFiles:
    """Return the stored files that no manifest refuses. The others have to be downloaded again.

    Args:
        manifests: Reads the manifests.
        store: The store.
        requests: The requests for the files.
        cached: The stored files by key.

    Raises:
        IntegrityError: If a load that uses stored files only would use a file that the manifest refuses.
        ModelDenError: If the manifests cannot be read; see `catalog.manifests.Manifests.expected`.
    """
    checked = {}
    for request in requests:
        file = cached.get(request.key)
        if file is not None and (file := await _check(manifests, store, request, file)) is not None:
            checked[request.key] = file
    return checked


async def _check(
    manifests: ManifestReader, store: Store, request: FileRequest, cached: CachedFile
) -> CachedFile | None:
    from modelden.hub.catalog.integrity import SIGNED  # most visits have no manifests

    if cached.integrity == SIGNED:
        return cached
    expected = await manifests.expected_stored(request.file)
    if expected.sha256 is None:
        return cached
    if (cached.sha256, cached.blob.size) == (expected.sha256, expected.size):
        await store.cache.set_integrity(request.key, cached.sha256, SIGNED)
        return cached._replace(integrity=SIGNED)
    logger.warning("The stored %s is not the one of its signed manifest, it is downloaded again", request.url)
    if request.branch is None:
        await store.delete_files([request.key])
        store.cache.memory.pop(request.key, None)
    elif request.branch.stored_only:
        promised = f"SHA-256 {expected.sha256} of its signed manifest"
        raise IntegrityError(request.url, promised, f"{cached.sha256}, stored")
    else:
        await request.branch.mark_changed(request.key)
    return None
