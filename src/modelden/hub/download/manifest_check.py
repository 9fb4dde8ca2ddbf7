"""Checks stored files against a signed manifest, by their stored hashes: no byte is read.

A file may have been stored before its manifest was published, or while nobody asked for manifests. It is `signed` from
then on if its hash is the manifest's. Otherwise it is deleted, or replaced with its branch, and downloaded again.
A file that is `signed` is compared too: the manifest may have been corrected, or signed by another root.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelden.errors import IntegrityError

if TYPE_CHECKING:
    from modelden.hub.catalog.file_info import ManifestReader
    from modelden.hub.catalog.integrity import ExpectedFile
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
    stored = [request for request in requests if request.key in cached]
    promises = await manifests.expected_stored([request.file for request in stored]) if stored else []
    for request, expected in zip(stored, promises, strict=True):
        if (file := await _check(expected, store, request, cached[request.key])) is not None:
            checked[request.key] = file
    return checked


async def _check(expected: ExpectedFile, store: Store, request: FileRequest, cached: CachedFile) -> CachedFile | None:
    from modelden.hub.catalog.integrity import SIGNED  # most visits have no manifests

    if expected.sha256 is None:
        return cached
    if (cached.sha256, cached.blob.size) == (expected.sha256, expected.size):
        if cached.integrity == SIGNED:
            return cached
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
