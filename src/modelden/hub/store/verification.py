"""Verification of stored files: their bytes are hashed again, on request and after a load that failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelden.core.response_body import sha256_of
from modelden.errors import DataRemoved
from modelden.hub.store.records import file_key

if TYPE_CHECKING:
    from modelden.hub.store.cache import ModelCache
    from modelden.hub.store.deletion import Deletion
    from modelden.hub.store.records import FileKey


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A result of `ModelHub.verify` and `modelden.verify`.

    Attributes:
        path: Path in the repository; location of a runtime; ``bucket/name`` of a collection of settings.
        ok: True if the stored bytes have the hash of the time of storing, or the collection is signed as configured;
            otherwise they were deleted, unless they could not be checked.
        expected: That hash; ``signature`` for settings.
        actual: Hash of the stored bytes; empty if they could not be read. For settings that are not ``ok`` the fault.
        root_url: Root URL of the hub that it belongs to; None if only its host name is known.
        kind: ``model``, ``runtime`` or ``settings``.
        model: ``hostname/organization/name``, for a model's file.
        revision: Branch or version, for a model's file.
    """

    __module__ = "modelden"

    path: str
    ok: bool
    expected: str
    actual: str
    root_url: str | None = None
    kind: str = "model"
    model: str | None = None
    revision: str | None = None


async def verify_files(
    cache: ModelCache, deletion: Deletion, model: str, revision: str, root: str | None
) -> list[VerifiedFile]:
    """Hash the files of a revision, and delete damaged ones; None for those of all hubs."""
    results = []
    for file in await cache.list_files(model, revision, root):
        result = await _verify(cache, file_key(file), file.sha256)
        # Bytes that could not be read once are not known to be damaged.
        if not result.ok and result.actual:
            await deletion.delete_damaged(file_key(file))
        results.append(result)
    return results


async def delete_damaged_files(cache: ModelCache, deletion: Deletion, keys: Collection[FileKey]) -> list[FileKey]:
    """Hash these files, those that are stored; returns the damaged ones, which are deleted."""
    stored = [file for key in sorted({key.revision_key for key in keys}) for file in await cache.list_files(*key)]
    requested = [file for file in stored if file_key(file) in keys]
    damaged = [file_key(file) for file in requested if not (await _verify(cache, file_key(file), file.sha256)).ok]
    for key in damaged:
        await deletion.delete_damaged(key)
    return damaged


async def _verify(cache: ModelCache, key: FileKey, expected: str) -> VerifiedFile:
    file = (await cache.read([key], None)).get(key)
    try:
        actual = "" if file is None else await sha256_of(file.blob)
    except DataRemoved:
        actual = ""
    return VerifiedFile(
        key.path, actual == expected, expected, actual, key.root or None, model=key.model, revision=key.revision
    )
