"""Model files: from the cache when they are there and current, else from the hub, once.

Requests are Firefox's (``ModelHub.sys.mjs``, ``getModelDataAsFile``): a pinned revision that is kept needs none; for
the branch ``main`` a HEAD with a limit of 1000 ms, the kept copy counts if tags agree or the hub is silent.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from modelden.core.events import NO_LISTENERS, DownloadEvents
from modelden.core.idle_timeout import IdleTimeoutFetcher
from modelden.core.progress import DOWNLOADING, LOADING_FROM_CACHE, ProgressCallback, Reporter
from modelden.core.staged_imports import import_staged
from modelden.errors import (
    ForbiddenURL,
    ModelDenError,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile, check_stored
from modelden.hub.download.auth import AuthenticatedFetcher
from modelden.hub.download.branch_update import BranchUpdate, load_branch
from modelden.hub.download.freshness import BRANCH, HEAD_TIMEOUT, Freshness, not_found
from modelden.hub.policy import FileRequest, HubPolicy
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.compaction import Compactor
from modelden.hub.store.partials import FileKey, Partials
from modelden.hub.store.preflight import SpacePreflight
from modelden.hub.store.quota import StorageQuota, Sweep
from modelden.hub.store.records import CachedFile, StoredFile, StoredModel
from modelden.hub.store.tab_locks import DownloadLock, ModelLease, use_lock
from modelden.hub.store.usage import Consumer, Notes
from modelden.hub.store.writer import CacheWriter
from modelden.ports import Database, Ports

if TYPE_CHECKING:
    from modelden.hub.catalog.file_info import ManifestReader
    from modelden.hub.download.downloader import Downloader
    from modelden.hub.importer import Importer
    from modelden.hub.remote_models import RemoteModels

logger = logging.getLogger(__name__)

DOWNLOADERS = (
    "hashlib",
    "modelden.hub.download.chunk_writer",
    "modelden.hub.download.transfer",
    "modelden.hub.download.downloader",
)
"""What downloads, imported when there is something to download: most visits find everything here."""


class HubFiles:
    """The files of one hub."""

    def __init__(
        self,
        address: HubAddress,
        database: Database,
        ports: Ports,
        rules: HubPolicy | None = None,
        manifests: ManifestReader | None = None,
        downloads: DownloadEvents = NO_LISTENERS,
    ) -> None:
        """Nothing is fetched yet."""
        self._told = downloads
        self._address = address
        self._ports = ports
        self._manifests = manifests
        self.rules = rules or HubPolicy()
        self._fetcher = AuthenticatedFetcher(
            IdleTimeoutFetcher(ports.fetcher, self.rules.idle_timeout), address.root_url, self.rules.headers
        )
        self._partials = Partials(database, ports.clock)
        self._turns = DownloadLock(ports.locks, self._partials)
        self.cache = ModelCache(database, ports.blobs, ports.clock, ports.locks)
        self.notes = Notes(database, ports.clock)
        self.sweep = Sweep(database, self.cache, ports.locks, ports.clock)
        room = StorageQuota(
            self.cache, self.sweep, self.notes, ports.page, ports.locks, self.rules.max_size, evict=self.rules.evict
        )
        self.merger = Compactor(database, room, ports)
        self._keeper = CacheWriter(self.cache, self._partials, room, self.rules)
        self.total = SpacePreflight(address, self.cache, self._partials, self._keeper, manifests)
        self._known = Freshness(self._fetcher, self._keeper, self.cache)

    @cached_property
    def remote(self) -> RemoteModels:
        """What looks at the hub's models without keeping anything."""
        from modelden.hub.remote_models import RemoteModels

        return RemoteModels(self._address, self._fetcher, self.cache, self._manifests)

    @cached_property
    def importer(self) -> Importer:
        """What keeps files that come from somewhere else."""
        from modelden.hub.importer import Importer

        return Importer(self.cache, self._partials, self._keeper, self._ports, self.rules, self._manifests, self._told)

    @cached_property
    def _fetching(self) -> Downloader:
        from modelden.hub.download.downloader import Downloader
        from modelden.hub.download.transfer import FileTransfer

        transfer = FileTransfer(self._fetcher, self._partials, self._ports.blobs, self._ports.clock)
        whose = self._address, self.rules, self._manifests
        return Downloader(*whose, self.cache, self._keeper, self._known, self._fetcher, transfer)

    @property
    def wrote(self) -> bool:
        """Something was stored."""
        return self._keeper.wrote

    def parse_url(self, url: str) -> ModelFile:
        """Return the file that an absolute URL of this hub names.

        Raises:
            InputError: If the URL is not one of this hub's files.
        """
        return self._address.parse(url)

    async def get(
        self,
        file: ModelFile,
        use: Consumer,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
        *,
        branch: BranchUpdate | None = None,
        before_download: Callable[[], Awaitable[None]] | None = None,
        expect: Callable[[int], None] | None = None,
    ) -> CachedFile:
        """Return a file, downloading it if needed; of several tabs one downloads, the others wait.

        Args:
            file: Which file.
            use: For whom; kept with the file.
            allow_list: Asked for each file, kept or not.
            on_progress: Told Firefox's events.
            branch: What a load takes of branches; without it a file of a branch that changed is replaced at once.
            before_download: Called when it has to be downloaded, before its first byte; what it raises ends that.
            expect: Called with the size of a file that is downloaded, before it comes; what it raises refuses it.

        Raises:
            ForbiddenURL: If the list does not admit the file's URL; what is kept of a denied model is removed.
            FileNotFoundOnHub: If the hub does not have it.
            UnavailableError: If it cannot be fetched.
            UntrustedError: If what came is not the right file.
            StorageError: If the browser cannot store it, and it has to.
        """
        branch = branch if file.revision == BRANCH else None
        wish = FileRequest(file, self.key(file), use, allow_list, branch, before_download, expect)
        kept = await self._kept(wish, self._told.wrap_progress(on_progress, use.engine_id, use.flow_id))
        self.merger.later(wish.key, kept.blob.size)
        return kept

    async def get_kept(
        self,
        files: Sequence[ModelFile],
        use: Consumer,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
    ) -> dict[ModelFile, CachedFile]:
        """Return those of these files that `get` would give without a request, all in one go.

        Raises:
            ForbiddenURL: As `get`.
            StorageError: If the browser's storage fails.
        """
        pinned = {file: self.key(file) for file in files if file.revision != BRANCH}
        for file, key in pinned.items():
            await self._check_allowed(self._address.url(file), key, allow_list)
        found = await self.cache.get_all(list(pinned.values()), use)
        reported = self._told.wrap_progress(on_progress, use.engine_id, use.flow_id)
        given = {file: found[key] for file, key in pinned.items() if key in found}
        for file, kept in given.items():
            with self._reporter(LOADING_FROM_CACHE, file, use, reported):
                self.merger.later(pinned[file], kept.blob.size)
        return given

    async def _kept(self, wish: FileRequest, on_progress: ProgressCallback | None) -> CachedFile:
        file, key, use = wish.file, wish.key, wish.use
        url = self._address.url(file)
        await self._check_allowed(url, key, wish.allow_list)
        kept, told = await self._known.check(wish, url)
        if kept is not None:
            with self._reporter(LOADING_FROM_CACHE, file, use, on_progress):
                return kept
        if told is None and await self.notes.is_missing(key):
            raise not_found(url, 404, file)
        head = told or {}
        with self._reporter(DOWNLOADING, file, use, on_progress) as reporter:
            async with self._turns.take(key, reporter):
                current = await self._known.current(key, use, head)
                if current:
                    if wish.branch:
                        wish.branch.mark_served(key, current)
                    return current
                await import_staged(DOWNLOADERS)
                return await self._fetching.fetch(wish, head, reporter)

    def _reporter(self, kind: str, file: ModelFile, use: Consumer, on_progress: ProgressCallback | None) -> Reporter:
        url = self._address.url(file)
        names = {"model": file.model, "revision": file.revision, "file": file.file, "url": url}
        return Reporter(on_progress, kind, url, {**names, "taskName": use.task_name})

    def key(self, file: ModelFile) -> FileKey:
        """Return a file's key in the store."""
        return self._address.store_name(file.model), file.revision, file.file

    async def remember_missing(self, files: Iterable[ModelFile]) -> None:
        """Remember optional files that the hub does not have: only a branch is asked for them again, if it answers."""
        await self.notes.remember_missing([self.key(file) for file in files])

    def branch(self) -> BranchUpdate:
        """Return what a load takes of branches, for one that is not to go back to what is kept."""
        return BranchUpdate(self._keeper, self._ports.locks)

    async def load_branch[T](self, load: Callable[[BranchUpdate], Awaitable[T]]) -> tuple[T, ModelDenError | None]:
        """Load a model of a branch as the hub has it now, or else as it is kept; see `branch_update.load_branch`."""
        return await load_branch(self._keeper, self._ports.locks, load)

    def in_use(self) -> ModelLease:
        """Return what says that models are in use, until it is ended; by their names in the store."""
        return ModelLease(self._ports.locks)

    async def get_etag(self, url: str, timeout: float = HEAD_TIMEOUT) -> str | None:  # noqa: ASYNC109 ends with headers
        """Return the entity tag of a URL; None when the hub does not tell it in so many seconds."""
        return (await self._known.head(url, timeout) or {}).get("etag")

    async def _check_allowed(self, url: str, key: FileKey, allow_list: AllowList) -> None:
        try:
            allow_list.check(url)
        except ForbiddenURL as error:
            if error.denied:
                await self.cache.delete(model=key[0], revision=key[1])
            raise

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which files are kept."""
        return await self.cache.list_models()

    async def list_files(self, *, model: str, revision: str) -> list[StoredFile]:
        """Return the files kept of one revision.

        Raises:
            InputError: For names that no model can have.
        """
        check_stored(model, revision)
        return await self.cache.list_files(model, revision)

    async def delete_models(self, *, model: str, revision: str) -> None:
        """Remove all files kept of one revision; nothing happens when there are none.

        Raises:
            InputError: For names that no model can have.
        """
        check_stored(model, revision)
        await self.cache.delete(model=model, revision=revision)

    async def delete_unused(self, *, model: str, revision: str) -> bool:
        """Remove all files kept of one revision, unless an engine uses them, in whatever tab; returns whether."""
        async with self._ports.locks.try_hold(use_lock(model, revision)) as is_free:
            if is_free:
                await self.cache.delete(model=model, revision=revision)
            return is_free
