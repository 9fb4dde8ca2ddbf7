"""Inspects a hub's models without storing anything: file lists, model cards, changes of a branch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from modelden.core.response_body import TIMEOUT, read_text
from modelden.errors import FileNotFoundOnHub, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_index import FileIndex
from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.file_roles import USUAL_PLACE, DataType, WeightsPlace, role_of
from modelden.hub.catalog.integrity import is_current
from modelden.hub.catalog.model_overview import ModelFiles, alternative_dtypes, join_files
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.catalog.refusal import refusal
from modelden.hub.download.freshness import HEAD_TIMEOUT
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.records import FileKey
from modelden.ports import Fetcher

logger = logging.getLogger(__name__)

_REPRESENTATIVE_FILE = "config.json"
"""Every model has it: a model may be inspected if this file of it may be downloaded."""


class RemoteModels:
    """The models of one hub."""

    def __init__(
        self,
        address: HubAddress,
        fetcher: Fetcher,
        cache: ModelCache,
        index: FileIndex,
    ) -> None:
        self._address = address
        self._fetcher = fetcher
        self._cache = cache
        self._index = index

    async def list_files(
        self,
        model: str,
        revision: str,
        allow_list: AllowList,
        task: str | None,
        dtype: DataType,
        place: WeightsPlace = USUAL_PLACE,
    ) -> ModelFiles:
        """Return the files of a revision; the other errors are those of `FileIndex.list_repository`.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            allow_list: Has to admit the model.
            task: The task that will use the model, or None.
            dtype: The data type, or that of each part.
            place: The place of the ONNX files that the task will use.

        Raises:
            InputError: For invalid names.
            ForbiddenURL: If the list does not admit the model.
        """
        allow_list.check(self._address.url(ModelFile(model, revision, _REPRESENTATIVE_FILE)))
        listing = await self._index.list_repository(model, revision)
        stored = await self._cache.list_files(*self._address.revision_key(model, revision))
        local = [FileInfo(file.path, file.size, file.sha256) for file in stored]
        return join_files(listing, local, task, dtype, place)

    async def with_available_dtypes(self, error: FileNotFoundOnHub) -> FileNotFoundOnHub:
        """Return the error for a missing file; for weights it names the data types that the model has."""
        if role_of(error.file).dtype is None or error.is_model:
            return error
        try:
            listing = await self._index.list_repository(error.model, error.revision)
        except ModelDenError as other:
            logger.debug("The data types of %s are unknown: %s", error.model, other)
            return error
        dtypes = alternative_dtypes(error.file, [file.path for file in listing.files or ()])
        return FileNotFoundOnHub(
            error.url, error.status, model=error.model, revision=error.revision, file=error.file, dtypes=dtypes
        )

    async def has_changed(self, model: str, revision: str, paths: Iterable[str]) -> bool:
        """Compare the stored files of a branch with the hub's hashes or entity tags, as a load would.

        Args:
            model: ``organization/name``.
            revision: The branch.
            paths: Stored files. One without an entity tag on the hub counts as unchanged.

        Raises:
            UnavailableError: If the hub does not respond.
        """
        files = await self._cache.list_files(*self._address.revision_key(model, revision))
        stored = {file.path: file for file in files}

        async def differs(path: str) -> bool:
            url = self._address.url(ModelFile(model, revision, path))
            async with self._fetcher.fetch(url, method="HEAD", timeout=HEAD_TIMEOUT) as response:
                headers = response.headers if 200 <= response.status < 300 else {}
            return not is_current(headers, stored[path].sha256, stored[path].etag)

        return any(await asyncio.gather(*map(differs, paths)))

    async def read_text(self, file: ModelFile, limit: int, allow_list: AllowList) -> str:
        """Return a file as text, from the cache or from the hub; it is not stored.

        Raises:
            ForbiddenURL: If the list does not admit the file's URL.
            FileNotFoundOnHub: If the hub does not have it.
            AccessDenied: If the hub does not give it to this page.
            UnavailableError: If it cannot be fetched.
            ResponseTooLarge: If it has more than ``limit`` bytes.
        """
        url = self._address.url(file)
        allow_list.check(url)
        name, revision, root = self._address.revision_key(file.model, file.revision)
        cached = await self._cache.get(FileKey(name, revision, file.file, root), None)
        if cached is not None and cached.blob.size <= limit:
            return (await cached.blob.read()).decode("utf-8", errors="replace")
        async with self._fetcher.fetch(url, timeout=TIMEOUT) as response:
            allow_list.check_redirect(response.url)
            if response.status != 200:
                raise refusal(url, response.status, response.headers, **file.names())
            return await read_text(response, url, limit)
