"""Claims of stored files of which only the host name of their hub is known (`records.UNKNOWN_ROOT`).

They were imported, and stored by a version that knew host names only. No hub is served such a file unchecked:

- The hub has the file: the hash that it promises has to agree; without one the entity tag, as of a file of a branch.
- The hub does not have it, or does not respond: it belongs to this hub if no other hub of its host has stored files.

The hash of a manifest or of a list needs no claim: the bytes are linked by it (`downloader`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modelden.hub.catalog.integrity import FIRST_SEEN, HUB, hash_from_headers
from modelden.hub.store.records import UNKNOWN_ROOT, Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelden.hub.download.request import FileRequest
    from modelden.hub.store.records import CachedFile
    from modelden.hub.store.store import Store

logger = logging.getLogger(__name__)


async def claim(
    store: Store, request: FileRequest, stored: CachedFile, headers: Mapping[str, str]
) -> CachedFile | None:
    """Return a stored file without a hub as the requested one, if the hub may have it.

    Args:
        store: The store.
        request: The request for the file.
        stored: The file of the same name, revision and host.
        headers: The hub's response to HEAD; empty if it does not have the file, or did not respond.
    """
    promised = hash_from_headers(headers)
    if promised is not None:
        may_claim = promised == stored.sha256
    elif headers:
        may_claim = stored.etag is not None and headers.get("etag") == stored.etag
    else:
        may_claim = await store.cache.roots_of_host(request.key.model) <= {UNKNOWN_ROOT, request.key.root}
    if not may_claim:
        return None
    logger.info("The stored %s was without a hub, and belongs to %s now", request.key.name, request.key.root)
    source = request.key._replace(root=UNKNOWN_ROOT)
    names = {"content-type": "Content-Type", "content-length": "Content-Length"}
    facts = {name: str(value) for name, field in names.items() if (value := stored.fields[field]) is not None}
    facts |= {} if stored.etag is None else {"etag": stored.etag}
    provenance = Provenance(facts, HUB if promised else FIRST_SEEN, None)
    claimed = await store.writer.link(request.key, request.consumer, source, provenance)
    if claimed is not None:
        await store.delete_files([source])
    return claimed
