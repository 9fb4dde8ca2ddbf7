"""Expected sizes and hashes of files, from the signed collection ``ml-model-manifests``, which Firefox does not have.

A record names a revision of a model and its files: ``{"modelId", "revision", "files": [{"path", "size", "sha256"}]}``.
A settings server without the collection is asked for it at most once per poll interval, and only before a download.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from modelden.errors import InvalidRecord, UnavailableError
from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.integrity import SIGNED, ExpectedFile
from modelden.hub.catalog.names import ModelFile
from modelden.settings.records import is_sha256

logger = logging.getLogger(__name__)

COLLECTION = "ml-model-manifests"
"""The collection of Remote Settings."""


class Records(Protocol):
    """The verified records of a collection: `settings.client.SettingsClient`."""

    async def get(self, name: str, /, *, sync_if_empty: bool = True) -> list[dict[str, Any]]:
        """Return the records."""


class MissingCollections(Protocol):
    """Remembers collections that a settings server does not have: `store.usage.NegativeCache`."""

    async def collection_age(self, name: str, /) -> int | None:
        """Return for how many milliseconds a collection is known to be missing; None if it is not."""

    async def add_collection(self, name: str, /) -> None:
        """Remember that a collection is missing."""


class Manifests:
    """Looks up files in the collection."""

    def __init__(self, records: Callable[[], Awaitable[Records]], missing: MissingCollections, interval: float) -> None:
        """Create a reader.

        Args:
            records: Opens Remote Settings.
            missing: Remembers that the server does not have the collection.
            interval: Seconds until a server without the collection is asked again.
        """
        self._records = records
        self._missing = missing
        self._interval = interval

    async def expected(self, file: ModelFile) -> ExpectedFile:
        """Return the expected size and SHA-256 of a file; both are None when no manifest names it.

        Raises:
            SignatureError: If the collection is not signed as configured.
            InvalidRecord: If the manifest has an unexpected form.
        """
        for info in await self.files(file.model, file.revision) or ():
            if info.path == file.file:
                return ExpectedFile(info.sha256, info.size, SIGNED)
        return ExpectedFile()

    async def files(self, model: str, revision: str) -> tuple[FileInfo, ...] | None:
        """Return the files of a revision; None when no manifest names it. Sizes and hashes are complete."""
        for record in await self._all_records():
            if (record.get("modelId"), record.get("revision")) == (model, revision):
                return _parse_files(record)
        return None

    async def _all_records(self) -> list[dict[str, Any]]:
        records = await self._records()
        age = await self._missing.collection_age(COLLECTION)
        is_missing = age is not None and age < self._interval * 1000
        try:
            return await records.get(COLLECTION, sync_if_empty=not is_missing)
        except UnavailableError as error:
            logger.debug("There are no manifests: %s", error)
            await self._missing.add_collection(COLLECTION)
            return []


def _parse_files(record: Mapping[str, Any]) -> tuple[FileInfo, ...]:
    try:
        files = tuple(FileInfo(entry["path"], entry["size"], entry["sha256"]) for entry in record["files"])
    except (KeyError, TypeError) as error:
        raise InvalidRecord(f"{COLLECTION}: expected files with path, size and sha256, got {record!r}") from error
    for file in files:
        if type(file.size) is not int or not is_sha256(file.sha256):
            raise InvalidRecord(f"{COLLECTION}: expected a size and a SHA-256 in lower-case hexadecimal, got {file}")
    return files
