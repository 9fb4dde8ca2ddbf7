"""Model files: from the cache when they are there and current, else from the hub, once.

Requests are Firefox's (``ModelHub.sys.mjs``, ``getModelDataAsFile``): a pinned revision that is kept needs none; for
the branch ``main`` a HEAD with a limit of 1000 ms, the kept copy counts if tags agree or the hub is silent.
"""

from __future__ import annotations

import logging

from modelden.download import download
from modelden.errors import FileNotFoundOnHub, HttpError, UnavailableError
from modelden.hub.allow_list import AllowList
from modelden.hub.cache import FileKey, ModelCache, StoredFile, StoredModel, Use
from modelden.hub.names import HubAddress, ModelFile, check_model
from modelden.locks import KeyedLocks
from modelden.ports import Blob, Blobs, Fetcher
from modelden.progress import DOWNLOADING, LOADING_FROM_CACHE, ProgressCallback, Reporter

logger = logging.getLogger(__name__)

BRANCH = "main"
"""The one revision that may change under its name; every other is pinned."""

HEAD_TIMEOUT = 1.0
"""Seconds that the hub has to tell a branch's entity tag (Firefox: ``getETag``)."""


class HubFiles:
    """The files of one hub."""

    def __init__(self, address: HubAddress, cache: ModelCache, fetcher: Fetcher, blobs: Blobs) -> None:
        """Nothing is fetched yet."""
        self._address = address
        self._cache = cache
        self._fetcher = fetcher
        self._blobs = blobs
        self._locks = KeyedLocks()

    def parse_url(self, url: str) -> ModelFile:
        """Return the file that an absolute URL of this hub names.

        Raises:
            InputError: If the URL is not one of this hub's files.
        """
        return self._address.parse(url)

    async def get(
        self,
        file: ModelFile,
        use: Use,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
    ) -> Blob:
        """Return a file's bytes, downloading it if needed.

        Args:
            file: Which file.
            use: For whom; kept with the file.
            allow_list: Asked for each file, kept or not.
            on_progress: Told Firefox's events.

        Raises:
            ForbiddenURL: If the list does not admit the file's URL.
            FileNotFoundOnHub: If the hub does not have it.
            UnavailableError: If it cannot be fetched.
            StorageError: If the browser cannot store it.
        """
        url = self._address.url(file)
        allow_list.check(url)
        key = (self._address.store_name(file.model), file.revision, file.file)
        metadata = {
            "model": file.model,
            "revision": file.revision,
            "file": file.file,
            "url": url,
            "taskName": use.task_name,
        }
        async with self._locks(key):
            kept = await self._kept(key, use, url, file.revision)
            if kept is not None:
                with Reporter(on_progress, LOADING_FROM_CACHE, url, metadata):
                    return kept
            with Reporter(on_progress, DOWNLOADING, url, metadata) as reporter:
                return await self._download(file, key, use, url, reporter)

    async def _kept(self, key: FileKey, use: Use, url: str, revision: str) -> Blob | None:
        current = await self._etag(url) if revision == BRANCH else None
        kept = await self._cache.get(key, use)
        if kept is None:
            return None
        blob, etag = kept
        # A silent hub (no answer, no tag) leaves the kept copy in use; tags are compared as they are, weak or not.
        return blob if current is None or current == etag else None

    async def _etag(self, url: str) -> str | None:
        try:
            async with self._fetcher.fetch(url, method="HEAD", timeout=HEAD_TIMEOUT) as response:
                return response.headers.get("etag") if response.status == 200 else None
        except UnavailableError as error:
            logger.debug("The hub does not tell whether the kept copy is current: %s", error)
            return None

    async def _download(self, file: ModelFile, key: FileKey, use: Use, url: str, reporter: Reporter) -> Blob:
        try:
            got = await download(self._fetcher, self._blobs, url, reporter)
        except HttpError as error:
            if error.status not in (404, 410):
                raise
            raise FileNotFoundOnHub(
                url, error.status, model=file.model, revision=file.revision, file=file.file
            ) from error
        await self._cache.put(key, use, got.blob, got.sha256, got.headers)
        return got.blob

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which files are kept."""
        return await self._cache.list_models()

    async def list_files(self, *, model: str, revision: str) -> list[StoredFile]:
        """Return the files kept of one revision.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.

        Raises:
            InputError: For names that no model can have.
        """
        _check_stored(model, revision)
        return await self._cache.list_files(model, revision)

    async def delete_models(self, *, model: str, revision: str) -> None:
        """Remove all files kept of one revision; nothing happens when there are none.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.

        Raises:
            InputError: For names that no model can have.
        """
        _check_stored(model, revision)
        await self._cache.delete(model, revision)


def _check_stored(model: str, revision: str) -> None:
    _, _, name = model.partition("/")
    check_model(name, revision)
