"""Are the stored bytes still the right ones? Hashed again, on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelden.hub.model_hub import HubFiles
    from modelden.ports import Blob


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """What `ModelHub.verify` found.

    Attributes:
        path: Path in the repository.
        ok: The stored bytes have the hash that they had when they were stored; otherwise they were removed.
        expected: That hash.
        actual: The hash that they have.
    """

    path: str
    ok: bool
    expected: str
    actual: str


async def verify(hub: HubFiles, model: str, revision: str) -> list[VerifiedFile]:
    """Hash the files of a revision, and remove what is damaged.

    Raises:
        InputError: For names that no model can have.
    """
    found = []
    for file in await hub.list_files(model=model, revision=revision):
        key = (model, revision, file.path)
        kept = await hub.cache.get(key, None)
        actual = "" if kept is None else await _sha256(kept.blob)
        if actual != file.sha256:
            await hub.cache.drop_content_of(key)
        found.append(VerifiedFile(file.path, actual == file.sha256, file.sha256, actual))
    return found


async def _sha256(blob: Blob) -> str:
    from hashlib import sha256  # slow to import

    digest = sha256()
    async for chunk in blob.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
    return digest.hexdigest()
