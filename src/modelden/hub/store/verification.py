"""Verification of stored files: their bytes are hashed again, on request and after a load that failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelden.core.response_body import sha256_of

if TYPE_CHECKING:
    from modelden.hub.store.cache import ModelCache
    from modelden.hub.store.deletion import Deletion
    from modelden.hub.store.records import FileKey


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A result of `ModelHub.verify`.

    Attributes:
        path: Path in the repository.
        ok: True if the stored bytes have the hash of the time of storing; otherwise they were deleted.
        expected: That hash.
        actual: Hash of the stored bytes.
    """

    __module__ = "modelden"

    path: str
    ok: bool
    expected: str
    actual: str


async def verify_files(cache: ModelCache, deletion: Deletion, model: str, revision: str) -> list[VerifiedFile]:
    """Hash the files of a revision, and delete damaged ones."""
    files = await cache.list_files(model, revision)
    return [await _verify(cache, deletion, (model, revision, file.path), file.sha256) for file in files]


async def delete_damaged_files(cache: ModelCache, deletion: Deletion, keys: Collection[FileKey]) -> list[FileKey]:
    """Hash these files, those that are stored; returns the damaged ones, which are deleted."""
    damaged = []
    for model, revision in sorted({key[:2] for key in keys}):
        for file in await cache.list_files(model, revision):
            key = (model, revision, file.path)
            if key in keys and not (await _verify(cache, deletion, key, file.sha256)).ok:
                damaged.append(key)
    return damaged


async def _verify(cache: ModelCache, deletion: Deletion, key: FileKey, expected: str) -> VerifiedFile:
    file = (await cache.read([key], None)).get(key)
    actual = "" if file is None else await sha256_of(file.blob)
    if actual != expected:
        await deletion.delete_damaged(key)
    return VerifiedFile(key[2], actual == expected, expected, actual)
