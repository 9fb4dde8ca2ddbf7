"""Looking at a hub's models without keeping anything of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from modelden.core.download import TIMEOUT
from modelden.errors import FileNotFoundOnHub, HttpError, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_roles import role_of
from modelden.hub.catalog.integrity import HUB, ExpectedFile
from modelden.hub.catalog.model_overview import ModelFiles, alternative_dtypes, join_files
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.catalog.repository import list_repository
from modelden.hub.policy import ManifestReader
from modelden.hub.store.cache import ModelCache
from modelden.ports import Fetcher

logger = logging.getLogger(__name__)

_EVERY_MODEL_HAS = "config.json"
"""A model may be looked at if this file of it may be downloaded."""


class RemoteModels:
    """The models of one hub."""

    def __init__(
        self,
        address: HubAddress,
        fetcher: Fetcher,
        cache: ModelCache,
        manifests: ManifestReader | None,
    ) -> None:
        """Nothing is fetched yet."""
        self._address = address
        self._fetcher = fetcher
        self._cache = cache
        self._manifests = manifests

    async def list_files(
        self, model: str, revision: str, allow_list: AllowList, task: str | None, dtype: str
    ) -> ModelFiles:
        """Tell what a revision consists of; the other errors are those of `list_repository`.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            allow_list: Asked for the model.
            task: The task that it is for, or None.
            dtype: The data type, one of `roles.SUFFIXES`.

        Raises:
            InputError: For names that no hub can have.
            ForbiddenURL: If the list does not admit the model.
        """
        allow_list.check(self._address.url(ModelFile(model, revision, _EVERY_MODEL_HAS)))
        remote = await list_repository(self._fetcher, self._address, self._manifests, model, revision)
        stored = await self._cache.list_files(self._address.store_name(model), revision)
        return join_files(remote, stored, task, dtype)

    async def with_available_dtypes(self, error: FileNotFoundOnHub) -> FileNotFoundOnHub:
        """Return the error for a file that a hub does not have; of weights it tells the data types that there are."""
        if role_of(error.file).dtype is None:
            return error
        try:
            remote = await list_repository(self._fetcher, self._address, self._manifests, error.model, error.revision)
        except ModelDenError as other:
            logger.debug("Which files there are cannot be told: %s", other)
            return error
        dtypes = alternative_dtypes(error.file, [file.path for file in remote.files or ()])
        return FileNotFoundOnHub(
            error.url, error.status, model=error.model, revision=error.revision, file=error.file, dtypes=dtypes
        )

    async def has_changed(self, model: str, revision: str, paths: Iterable[str], seconds: float) -> bool:
        """Compare the entity tags of kept files of a branch with the hub's, as a load would.

        Args:
            model: ``organization/name``.
            revision: The branch.
            paths: Files that are kept. One of which the hub does not tell a tag has not changed.
            seconds: How long the hub has to answer.

        Raises:
            UnavailableError: If the hub does not answer.
        """
        name = self._address.store_name(model)
        tags = {file.path: file.etag for file in await self._cache.list_files(name, revision)}

        async def differs(path: str) -> bool:
            url = self._address.url(ModelFile(model, revision, path))
            async with self._fetcher.fetch(url, method="HEAD", timeout=seconds) as response:
                etag = response.headers.get("etag") if response.status == 200 else None
            return etag not in (None, tags[path])

        return any(await asyncio.gather(*map(differs, paths)))

    async def expected_file(self, file: ModelFile) -> ExpectedFile:
        """Return what the hub's own list tells of a file: nothing when it has none, or does not name the file."""
        remote = await list_repository(self._fetcher, self._address, None, file.model, file.revision)
        for each in remote.files or ():
            if each.path == file.file and each.sha256 is not None:
                return ExpectedFile(each.sha256, each.size, HUB)
        return ExpectedFile()

    async def read_text(self, file: ModelFile, limit: int, allow_list: AllowList) -> str:
        """Return a file as text, from what is kept or from the hub; it is not stored for this.

        Raises:
            ForbiddenURL: If the list does not admit the file's URL.
            FileNotFoundOnHub: If the hub does not have it.
            UnavailableError: If it cannot be fetched.
            ResponseTooLarge: If it has more than ``limit`` bytes.
        """
        url = self._address.url(file)
        allow_list.check(url)
        kept = await self._cache.get((self._address.store_name(file.model), file.revision, file.file), None)
        if kept is not None and kept.blob.size <= limit:
            return (await kept.blob.read()).decode("utf-8", errors="replace")
        async with self._fetcher.fetch(url, timeout=TIMEOUT) as response:
            allow_list.check_redirect(response.url)
            if response.status in (404, 410):
                raise FileNotFoundOnHub(url, response.status, model=file.model, revision=file.revision, file=file.file)
            if response.status != 200:
                raise HttpError(url, response.status)
            return await response.text(limit)
