"""Expected sizes and hashes of files, from the signed collection ``ml-model-manifests``, which Firefox does not have.

A record names a revision of a model and its files: ``{"modelId", "revision", "files": [{"path", "size", "sha256"}]}``.

A manifest must not be stripped: a hub that can keep it away decides again what is run. So only a signed absence counts.
The record `settings.changeset.IDENTITY` of any stored collection lists the collections of its tree. Neither a failure
nor the server's own list, which is not signed, is an absence, and neither is remembered.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from modelden.errors import InvalidRecord, ManifestsUnavailable, UnavailableError
from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.integrity import SIGNED, ExpectedFile
from modelden.hub.catalog.names import ModelFile
from modelden.settings.records import is_sha256, whole_number

logger = logging.getLogger(__name__)

COLLECTION = "ml-model-manifests"
"""The collection of Remote Settings."""


class Records(Protocol):
    """The verified records of a collection: `settings.client.SettingsClient`."""

    async def get(self, name: str, /, *, sync_if_empty: bool = True) -> list[dict[str, Any]]:
        """Return the records."""

    async def listed_collections(self) -> frozenset[str] | None:
        """Return the names of the collections that a signed record lists; None if there is no such record."""


class Manifests:
    """Looks up files in the collection."""

    def __init__(self, records: Callable[[], Awaitable[Records]], *, required: bool) -> None:
        """Create a reader.

        Args:
            records: Opens Remote Settings.
            required: The collection has to be there.
        """
        self._records = records
        self._required = required

    async def expected(self, file: ModelFile) -> ExpectedFile:
        """Return the expected size and SHA-256 of a file; both are None when no manifest names it.

        Raises:
            ManifestsUnavailable: If the collection is required or published, and cannot be read.
            SignatureError: If the collection is not signed as configured.
            InvalidRecord: If the manifest has an unexpected form.
        """
        return _find(await self.files(file.model, file.revision), file)

    async def expected_stored(self, files: Sequence[ModelFile]) -> list[ExpectedFile]:
        """Return the same for files that are stored already. The collection is read once.

        A collection that nothing says is published is not requested: a visit that has its files sends no request.
        """
        records = await self._all_records(is_stored=True)
        return [_find(files_of(records, file.model, file.revision), file) for file in files]

    async def files(self, model: str, revision: str) -> tuple[FileInfo, ...] | None:
        """Return the files of a revision; None when no manifest names it. Sizes and hashes are complete."""
        return files_of(await self._all_records(is_stored=False), model, revision)

    async def _all_records(self, *, is_stored: bool) -> list[dict[str, Any]]:
        records = await self._records()
        listed = None if self._required else await records.listed_collections()
        if listed is not None and COLLECTION not in listed:
            return []
        is_published = self._required or listed is not None
        try:
            found = await records.get(COLLECTION, sync_if_empty=is_published or not is_stored)
        except UnavailableError as error:
            if is_published:
                raise ManifestsUnavailable(str(error)) from error
            # Nothing is remembered: a failure is no absence.
            logger.warning("It is unknown whether there are signed manifests, so the hub is believed. %s", error)
            return []
        if self._required and not found and COLLECTION not in (await records.listed_collections() or ()):
            raise ManifestsUnavailable(
                "It is empty, and no signed record says that it is this collection: the signature of an empty one is "
                "good for all empty ones."
            )
        return found


def _find(files: tuple[FileInfo, ...] | None, file: ModelFile) -> ExpectedFile:
    found = next((info for info in files or () if info.path == file.file), None)
    return ExpectedFile() if found is None else ExpectedFile(found.sha256, found.size, SIGNED)


def files_of(records: Iterable[dict[str, Any]], model: str, revision: str) -> tuple[FileInfo, ...] | None:
    """Return the files that records of manifests name for a revision; None when none names it. Pure.

    Raises:
        InvalidRecord: If the manifest has an unexpected form, or if there are two.
    """
    found = [each for each in records if (each.get("modelId"), each.get("revision")) == (model, revision)]
    if len(found) > 1:
        raise InvalidRecord(f"{COLLECTION}: expected one record of {model} {revision}, found {len(found)}")
    return _parse_files(found[0]) if found else None


def _parse_files(record: Mapping[str, Any]) -> tuple[FileInfo, ...]:
    match record:
        case {"files": list(entries)}:
            files = [file for entry in entries if (file := _parse_file(entry)) is not None]
            if len({file.path for file in files}) == len(entries):
                return tuple(files)
    raise InvalidRecord(
        f"{COLLECTION}: expected files, each path once, with size in bytes and SHA-256 in lower-case hexadecimal, got "
        f"{repr(record)[:300]}"
    )


def _parse_file(entry: object) -> FileInfo | None:
    match entry:
        case {"path": str(path), "size": size, "sha256": sha256} if is_sha256(sha256):
            length = whole_number(size)
            return None if length is None else FileInfo(path, length, sha256)
    return None
