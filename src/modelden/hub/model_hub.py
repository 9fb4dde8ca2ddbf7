"""Model files: from the cache when they are there and current, else from the hub, once.

Requests are Firefox's (``ModelHub.sys.mjs``, ``getModelDataAsFile``): a pinned revision that is kept needs none; for
the branch ``main`` a HEAD with a limit of 1000 ms, the kept copy counts if tags agree or the hub is silent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from modelden.errors import FileNotFoundOnHub, ForbiddenURL, HttpError, StorageError, UnavailableError
from modelden.hub.allow_list import AllowList
from modelden.hub.body import Received
from modelden.hub.cache import Kept, ModelCache, Origin, Use
from modelden.hub.integrity import Expected
from modelden.hub.listing import StoredFile, StoredModel
from modelden.hub.names import HubAddress, ModelFile, check_model
from modelden.hub.partials import FileKey, Partials, file_id
from modelden.hub.transfer import Source, Transfer
from modelden.ports import Blobs, Clock, Database, Fetcher, Locks
from modelden.progress import DOWNLOADING, LOADING_FROM_CACHE, ProgressCallback, Reporter

logger = logging.getLogger(__name__)

BRANCH = "main"
"""The one revision that may change under its name; every other is pinned."""

HEAD_TIMEOUT = 1.0
"""Seconds that the hub has to tell a branch's entity tag (Firefox: ``getETag``)."""

FILES_AT_ONCE = 4
"""Downloads that run side by side."""

LOOK_AGAIN = 1.0
"""Seconds between looks at the download of another tab."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a hub's files have to be, and how they come.

    Attributes:
        headers: Request headers, for private hubs. Never logged, never stored.
        require_hashes: Refuse files whose hash nobody tells.
        require_storage: Fail when the browser cannot store a file; otherwise it is used from memory.
        idle_timeout: Seconds without a byte after which a connection is given up.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    require_hashes: bool = False
    require_storage: bool = False
    idle_timeout: float = 30.0


class HubFiles:
    """The files of one hub."""

    def __init__(
        self,
        address: HubAddress,
        database: Database,
        fetcher: Fetcher,
        blobs: Blobs,
        clock: Clock,
        locks: Locks,
        rules: Rules | None = None,
    ) -> None:
        """Nothing is fetched yet."""
        self._address = address
        self._rules = rules or Rules()
        self._fetcher = fetcher
        self._locks = locks
        self._partials = Partials(database, clock)
        self._transfer = Transfer(fetcher, self._partials, blobs, clock, self._rules.idle_timeout)
        self._slots = asyncio.Semaphore(FILES_AT_ONCE)
        self._memory: dict[FileKey, Kept] = {}
        self.cache = ModelCache(database, blobs, clock, locks)

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
    ) -> Kept:
        """Return a file, downloading it if needed; of several tabs one downloads, the others wait.

        Args:
            file: Which file.
            use: For whom; kept with the file.
            allow_list: Asked for each file, kept or not.
            on_progress: Told Firefox's events.

        Raises:
            ForbiddenURL: If the list does not admit the file's URL; what is kept of a denied model is removed.
            FileNotFoundOnHub: If the hub does not have it.
            UnavailableError: If it cannot be fetched.
            UntrustedError: If what came is not the right file.
            StorageError: If the browser cannot store it, and it has to.
        """
        url = self._address.url(file)
        key = (self._address.store_name(file.model), file.revision, file.file)
        await self._check_allowed(url, key, allow_list)
        metadata = {
            "model": file.model,
            "revision": file.revision,
            "file": file.file,
            "url": url,
            "taskName": use.task_name,
        }
        head = await self._head(url) if file.revision == BRANCH else {}
        kept = await self._current(key, use, head)
        if kept is not None:
            with Reporter(on_progress, LOADING_FROM_CACHE, url, metadata):
                return kept
        with Reporter(on_progress, DOWNLOADING, url, metadata) as reporter:
            async with self._turn(key, reporter):
                return await self._current(key, use, head) or await self._fetched(file, key, use, head, reporter)

    async def get_etag(self, url: str) -> str | None:
        """Return the entity tag of a URL; None when the hub does not tell it within a second."""
        return (await self._head(url)).get("etag")

    async def _check_allowed(self, url: str, key: FileKey, allow_list: AllowList) -> None:
        try:
            allow_list.check(url)
        except ForbiddenURL as error:
            if error.denied:
                await self.cache.delete(model=key[0], revision=key[1])
            raise

    async def _current(self, key: FileKey, use: Use, head: Mapping[str, str]) -> Kept | None:
        kept = self._memory.get(key) or await self.cache.get(key, use)
        # A silent hub (no answer, no tag) leaves the kept copy in use; tags are compared as they are, weak or not.
        return kept if kept is None or head.get("etag") in (None, kept.etag) else None

    async def _head(self, url: str) -> Mapping[str, str]:
        try:
            async with self._fetcher.fetch(
                url, method="HEAD", timeout=HEAD_TIMEOUT, headers=self._rules.headers
            ) as response:
                return response.headers if response.status == 200 else {}
        except UnavailableError as error:
            logger.debug("The hub does not tell which state of a file it has: %s", error)
            return {}

    @asynccontextmanager
    async def _turn(self, key: FileKey, reporter: Reporter) -> AsyncIterator[None]:
        """Wait until nobody else downloads the file; meanwhile report how far they are."""
        watching = asyncio.ensure_future(self._watch(key, reporter))
        try:
            async with self._locks.hold(download_lock(key)):
                watching.cancel()
                yield
        finally:
            watching.cancel()

    async def _watch(self, key: FileKey, reporter: Reporter) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            try:
                partial = await self._partials.get(key)
            except StorageError:
                return
            if partial is not None:
                reporter.catch_up(partial.received, partial.total)

    async def _fetched(
        self, file: ModelFile, key: FileKey, use: Use, head: Mapping[str, str], reporter: Reporter
    ) -> Kept:
        linked = await self._linked(file, key, use, head)
        if linked is not None:
            return linked
        async with self._slots:
            return await self._download(file, key, use, reporter)

    async def _linked(self, file: ModelFile, key: FileKey, use: Use, head: Mapping[str, str]) -> Kept | None:
        """Return the file if another revision has the same one, so that nothing need be downloaded."""
        twins = {other: twin for other, twin in (await self.cache.twins(key)).items() if _is_strong(twin.etag)}
        if not twins:
            return None
        head = head or await self._head(self._address.url(file))
        for other, twin in twins.items():
            origin = Origin(head, twin.integrity, self._address.root_url)
            if twin.etag == head.get("etag") and await self.cache.link(key, use, other, origin):
                return await self.cache.get(key, None)
        return None

    async def _download(self, file: ModelFile, key: FileKey, use: Use, reporter: Reporter) -> Kept:
        source = Source(
            url=self._address.url(file),
            file=file.file,
            expected=Expected(),
            may_store=self._may_store,
            headers=self._rules.headers,
            require_hash=self._rules.require_hashes,
        )
        try:
            got = await self._transfer.run(key, source, reporter, required=self._rules.require_storage)
        except HttpError as error:
            if error.status not in (404, 410):
                raise
            raise FileNotFoundOnHub(
                source.url, error.status, model=file.model, revision=file.revision, file=file.file
            ) from error
        origin = Origin(got.headers, got.integrity, self._address.root_url)
        fields = await self._keep(key, use, got.body, origin)
        return Kept(got.body.blob, got.body.sha256, got.integrity, fields)

    async def _keep(self, key: FileKey, use: Use, body: Received, origin: Origin) -> Mapping[str, object]:
        return await self.cache.put(key, use, body, origin)

    async def _may_store(self, size: int) -> bool:
        del size
        return True

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which files are kept."""
        return await self.cache.list_models()

    async def list_files(self, *, model: str, revision: str) -> list[StoredFile]:
        """Return the files kept of one revision.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.

        Raises:
            InputError: For names that no model can have.
        """
        _check_stored(model, revision)
        return await self.cache.list_files(model, revision)

    async def delete_models(self, *, model: str, revision: str) -> None:
        """Remove all files kept of one revision; nothing happens when there are none.

        Args:
            model: ``hostname/organization/name``, as `list_models` gives it.
            revision: Branch or version.

        Raises:
            InputError: For names that no model can have.
        """
        _check_stored(model, revision)
        await self.cache.delete(model=model, revision=revision)


def download_lock(key: FileKey) -> str:
    """Return the name of the lock that whoever downloads a file holds."""
    return f"download {file_id(key)}"


def _is_strong(etag: str | None) -> bool:
    return etag is not None and etag.startswith('"')


def _check_stored(model: str, revision: str) -> None:
    _, _, name = model.partition("/")
    check_model(name, revision)
