"""Are the stored bytes still the right ones? Hashed again, on request, and when a model cannot be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelden.core.download import sha256_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelden.hub.files import HubFiles
    from modelden.hub.store.partials import FileKey


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
    files = await hub.list_files(model=model, revision=revision)
    return [await _verified(hub, (model, revision, file.path), file.sha256) for file in files]


async def damaged_files(hub: HubFiles, keys: Collection[FileKey]) -> list[FileKey]:
    """Hash these files, those of them that are stored; remove what is damaged, and return it."""
    damaged = []
    for model, revision in sorted({key[:2] for key in keys}):
        for file in await hub.list_files(model=model, revision=revision):
            key = (model, revision, file.path)
            if key in keys and not (await _verified(hub, key, file.sha256)).ok:
                damaged.append(key)
    return damaged


async def _verified(hub: HubFiles, key: FileKey, expected: str) -> VerifiedFile:
    kept = await hub.cache.get(key, None)
    actual = "" if kept is None else await sha256_of(kept.blob)
    if actual != expected:
        await hub.cache.drop_content_of(key)
    return VerifiedFile(key[2], actual == expected, expected, actual)
