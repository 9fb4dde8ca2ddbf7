"""What a file has to be, by the signed collection ``ml-model-manifests``, which Firefox does not have.

A record names a revision of a model and its files: ``{"modelId", "revision", "files": [{"path", "size", "sha256"}]}``.
A settings server without the collection is asked for it once a poll interval at most, and only before a download.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from modelden.errors import InvalidRecord, UnavailableError
from modelden.hub.catalog.integrity import SIGNED, ExpectedFile
from modelden.hub.catalog.names import ModelFile
from modelden.hub.policy import ManifestFile
from modelden.ports import Clock, Database, Put

logger = logging.getLogger(__name__)

COLLECTION = "ml-model-manifests"
"""The collection of Remote Settings."""

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class Records(Protocol):
    """Gives the records of a collection, verified: `settings.client.SettingsClient`."""

    async def get(self, name: str, /, *, sync_if_empty: bool = True) -> list[dict[str, Any]]:
        """Return the records."""


class Manifests:
    """Looks files up in the collection."""

    def __init__(
        self, records: Callable[[], Awaitable[Records]], database: Database, clock: Clock, interval: float
    ) -> None:
        """Ask nothing yet.

        Args:
            records: Opens Remote Settings.
            database: Remembers that there is no such collection (store ``missing``).
            clock: Tells for how long already.
            interval: Seconds until a server without the collection is asked again.
        """
        self._records = records
        self._database = database
        self._clock = clock
        self._interval = interval

    async def expected(self, file: ModelFile) -> ExpectedFile:
        """Return what a file has to be; nothing is expected when no manifest names it.

        Raises:
            SignatureError: If the collection is not signed as configured.
            InvalidRecord: If the manifest cannot be understood.
        """
        for listed in await self.files(file.model, file.revision) or ():
            if listed.path == file.file:
                return ExpectedFile(listed.sha256, listed.size, SIGNED)
        return ExpectedFile()

    async def files(self, model: str, revision: str) -> tuple[ManifestFile, ...] | None:
        """Return the files of a revision; None when there is no manifest for it."""
        for record in await self._all():
            if (record.get("modelId"), record.get("revision")) == (model, revision):
                return _files(record)
        return None

    async def _all(self) -> list[dict[str, Any]]:
        records = await self._records()
        missing = await self._database.get("missing", COLLECTION)
        known = missing is not None and self._clock.now() - missing["at"] < self._interval * 1000
        try:
            return await records.get(COLLECTION, sync_if_empty=not known)
        except UnavailableError as error:
            logger.debug("There are no manifests: %s", error)
            await self._database.commit([Put("missing", {"id": COLLECTION, "at": self._clock.now()})])
            return []


def _files(record: Mapping[str, Any]) -> tuple[ManifestFile, ...]:
    try:
        files = tuple(ManifestFile(each["path"], each["size"], each["sha256"]) for each in record["files"])
    except (KeyError, TypeError) as error:
        raise InvalidRecord(f"{COLLECTION}: expected files with path, size and sha256, got {record!r}") from error
    for file in files:
        if type(file.size) is not int or not _SHA256.match(str(file.sha256)):
            raise InvalidRecord(f"{COLLECTION}: expected a size and a SHA-256 in lower-case hexadecimal, got {file}")
    return files
