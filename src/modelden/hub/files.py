"""The files of a hub: from the cache if they are fresh, else downloaded, once.

Requests are Firefox's (``ModelHub.sys.mjs``, ``getModelDataAsFile``): a pinned revision that is stored needs none; for
the branch ``main`` a HEAD with a limit of 1000 ms, the stored copy counts if tags agree or the hub is silent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelden.core.event_loop import import_staged
from modelden.core.events import (
    DOWNLOADING,
    LOADING_FROM_CACHE,
    NO_LISTENERS,
    DownloadEvents,
    ProgressCallback,
    Reporter,
)
from modelden.errors import ForbiddenURL, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile, is_branch
from modelden.hub.download import DOWNLOADERS
from modelden.hub.download.branch_update import BranchUpdate, load_branch
from modelden.hub.download.manifest_check import check_stored
from modelden.hub.download.request import FileRequest
from modelden.hub.policy import HubPolicy
from modelden.hub.store.records import CachedFile, FileKey
from modelden.hub.store.store import Store
from modelden.hub.store.usage import Consumer
from modelden.ports import Fetcher, Ports

if TYPE_CHECKING:
    from modelden.hub.catalog.file_index import FileIndex, Lists
    from modelden.hub.catalog.file_info import FileInfo, ManifestReader
    from modelden.hub.download.downloader import Downloader
    from modelden.hub.download.freshness import Freshness
    from modelden.hub.download.preflight import SpacePreflight
    from modelden.hub.download.validation import Validation
    from modelden.hub.importer import ImportSource
    from modelden.hub.remote_models import RemoteModels


class HubFiles:
    """The files of one hub: the facade of this package.

    Attributes:
        store: Stored files of all hubs.
        policy: Requests and checks.
        announces_files: A manifest or the hub's own list may name the files of a model before they are requested.
    """

    def __init__(
        self,
        address: HubAddress,
        store: Store,
        ports: Ports,
        policy: HubPolicy | None = None,
        manifests: ManifestReader | None = None,
        events: DownloadEvents = NO_LISTENERS,
    ) -> None:
        self.store, self.policy = store, policy or HubPolicy()
        self._address, self._ports = address, ports
        self._cache = store.cache_of(self.policy)
        self._manifests, self._events = manifests, events
        self._store_prefix, self._root = address.store_name(""), address.root
        self.announces_files = manifests is not None or address.lists_files

    def parse_url(self, url: str) -> ModelFile:
        """Return the file that an absolute URL of this hub names; errors as `HubAddress.parse`."""
        return self._address.parse(url)

    def parse_urls(self, urls: Iterable[str]) -> dict[str, ModelFile]:
        """Return the files that absolute URLs of this hub name; errors as `parse_url`."""
        return {url: self._address.parse(url) for url in urls}

    def url(self, file: ModelFile) -> str:
        """Return the absolute URL of a file."""
        return self._address.url(file)

    def key(self, file: ModelFile) -> FileKey:
        """Return a file's key in the store."""
        return FileKey(self._store_prefix + file.model, file.revision, file.file, self._root)

    async def get(
        self,
        file: ModelFile,
        consumer: Consumer,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
        *,
        branch: BranchUpdate | None = None,
        before_download: Callable[[], Awaitable[None]] | None = None,
        check_size: Callable[[int], None] | None = None,
        no_cache: bool = False,
        lists: Lists | None = None,
    ) -> CachedFile:
        """Return a file, and download it if needed. One of several tabs downloads, the others wait.

        Args:
            file: Model, revision and path.
            consumer: Task and engine that use it, recorded with the file.
            allow_list: Checked for each file, stored or not.
            on_progress: Called with Firefox's events.
            branch: Update of the branch that the load makes; without it a changed file of a branch is replaced at once.
            before_download: Called before the first byte of a download. Its error ends the request.
            check_size: Called with the size of a download before its first byte. Its error ends the request.
            no_cache: Download it, whatever is stored (RFC 9111, section 5.2.1.4).
            lists: The hub's lists, shared by files that are downloaded together without a branch update.

        Raises:
            ForbiddenURL: If the list does not allow the file's URL. The files of a denied model are deleted.
            FileNotFoundOnHub: If the hub does not have it.
            UnavailableError: If it cannot be fetched.
            UntrustedError: If the hub sent a wrong file.
            StorageError: If the browser cannot store it, and memory is not allowed.
        """
        key, url, moves = self.key(file), self._address.url(file), is_branch(file.revision)
        lists = branch.lists if branch else lists
        branch = branch if moves else None
        request = FileRequest(
            file, key, url, consumer, allow_list, branch, before_download, check_size, no_cache, lists
        )
        on_progress = self._events.wrap_progress(on_progress, consumer.engine_id, consumer.flow_id)
        await self._check_allowed([request])
        cached, headers = None, None
        if moves and not no_cache:
            cached, headers = await self._freshness.check(request)
        elif not no_cache:  # what is stored of a pinned revision is fresh
            cached = await self._cache.get(key, consumer)
        if cached is not None and self._manifests is not None:
            cached = (await check_stored(self._manifests, self.store, [request], {key: cached})).get(key)
        if cached is None:
            cached = await self._download(request, headers, on_progress)
        else:
            self._report_cached(request, on_progress)
        self._schedule_compaction(key, cached)
        return cached

    async def get_stored(
        self,
        files: Sequence[ModelFile],
        consumer: Consumer,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
    ) -> dict[ModelFile, CachedFile]:
        """Return the files that `get` would return without a request, in one transaction.

        Raises:
            ForbiddenURL: As `get`.
            StorageError: If the browser's storage fails.
        """
        on_progress = self._events.wrap_progress(on_progress, consumer.engine_id, consumer.flow_id)
        pinned = [file for file in files if not is_branch(file.revision)]
        urls = [self._address.url(file) for file in pinned]
        keyed = [(file, self.key(file)) for file in pinned]
        requests = [FileRequest(*names, url, consumer, allow_list) for names, url in zip(keyed, urls, strict=True)]
        await self._check_allowed(requests)
        cached = await self._cache.read([request.key for request in requests], consumer)
        if self._manifests is not None:
            cached = await check_stored(self._manifests, self.store, requests, cached)
        stored = [request for request in requests if request.key in cached]
        for request in stored:
            self._report_cached(request, on_progress)
            self._schedule_compaction(request.key, cached[request.key])
        return {request.file: cached[request.key] for request in stored}

    async def send_head(self, url: str, timeout: float) -> tuple[int, Mapping[str, str] | None]:  # noqa: ASYNC109  ends with the headers
        """Return status and headers of a URL: no headers unless the hub has the file; 0 and None without an answer."""
        from modelden.hub.download.freshness import send_head

        return await send_head(self._fetcher, url, timeout)

    async def remember_missing(self, files: Iterable[ModelFile]) -> None:
        """Remember optional files that the hub does not have. Only those of a branch are requested again."""
        await self.store.missing.add([self.key(file) for file in files])

    def update_branch(self) -> BranchUpdate:
        """Return a new update of branches, for a load that shall fail rather than use the stored state."""
        return BranchUpdate(self.store, self._ports.locks)

    def load_branch[T](
        self, load: Callable[[BranchUpdate], Coroutine[Any, Any, T]]
    ) -> Awaitable[tuple[T, ModelDenError | None]]:
        """Load a model of a branch as the hub has it, else as it is stored; see `branch_update.load_branch`."""
        return load_branch(self.store, self._ports.locks, load)

    async def check_space(
        self, model: str, revision: str, files: Sequence[FileInfo], on_progress: ProgressCallback | None
    ) -> None:
        """Check the space for files that will be downloaded, then report their sizes.

        Raises:
            QuotaExceeded: If it is not enough, and memory is not allowed.
        """
        await self.preflight.check(model, revision, files)
        self.preflight.report(model, revision, files, on_progress)

    async def import_files(
        self, sources: Sequence[ImportSource], consumer: Consumer, on_progress: ProgressCallback | None
    ) -> None:
        """Store files that do not come from a hub; see `Importer.run`."""
        from modelden.hub.importer import Importer

        importer = Importer(self.store, self._ports, self.policy, self._manifests, self._events)
        await importer.run(sources, consumer, on_progress)

    @cached_property
    def _fetcher(self) -> Fetcher:
        if not self.policy.headers:
            return self._ports.fetcher
        from modelden.hub.download.auth import AuthenticatedFetcher

        return AuthenticatedFetcher(self._ports.fetcher, self._address.root_url, self.policy.headers)

    @cached_property
    def _freshness(self) -> Freshness:
        from modelden.hub.download.freshness import Freshness

        return Freshness(self._fetcher, self._cache, (lambda: self._index) if self._address.lists_files else None)

    @cached_property
    def _index(self) -> FileIndex:
        from modelden.hub.catalog.file_index import FileIndex

        return FileIndex(self._address, self._fetcher, self._manifests, self._ports.clock)

    @cached_property
    def preflight(self) -> SpacePreflight:
        """Checks of the space for all files of a model."""
        from modelden.hub.download.preflight import SpacePreflight

        return SpacePreflight(self._address, self.store, self._index)

    @cached_property
    def validation(self) -> Validation:
        """Validation of stored files after a load that failed."""
        from modelden.hub.download.validation import Validation

        return Validation(self.store.cache)

    @cached_property
    def remote(self) -> RemoteModels:
        """The hub's models that are not stored."""
        from modelden.hub.remote_models import RemoteModels

        return RemoteModels(self._address, self._fetcher, self.store.cache, self._index)

    @cached_property
    def _downloader(self) -> Downloader:
        from modelden.hub.download.downloader import Downloader

        return Downloader(
            self._address,
            self.policy,
            lambda: self._index,
            self.store,
            self._fetcher,
            self._ports,
            announces_files=self.announces_files,
        )

    async def _download(
        self, request: FileRequest, headers: Mapping[str, str] | None, on_progress: ProgressCallback | None
    ) -> CachedFile:
        if headers is None and not request.no_cache and await self.store.missing.is_missing(request.key):
            raise request.not_found(request.url, 404)
        await import_staged(DOWNLOADERS)
        with self._reporter(DOWNLOADING, request, on_progress) as reporter:
            async with self.store.downloads.hold(request.key, reporter):
                # Another tab may have downloaded it meanwhile.
                cached = None if request.no_cache else await self._cache.get(request.key, request.consumer)
                if cached and await self._freshness.is_current(request, cached, headers) is not False:
                    return request.branch.mark_served(request.key, cached) if request.branch else cached
                return await self._downloader.fetch(request, headers or {}, reporter)

    def _reporter(self, kind: str, request: FileRequest, on_progress: ProgressCallback | None) -> Reporter:
        file, task_name = request.file, request.consumer.task_name
        names = {"model": file.model, "revision": file.revision, "file": file.file}  # as Firefox
        return Reporter(on_progress, kind, request.url, {**names, "url": request.url, "taskName": task_name})

    def _report_cached(self, request: FileRequest, on_progress: ProgressCallback | None) -> None:
        with self._reporter(LOADING_FROM_CACHE, request, on_progress):
            pass

    def _schedule_compaction(self, key: FileKey, cached: CachedFile) -> None:
        if cached.chunks > 1:
            self.store.compactor.schedule(key, cached.blob.size)

    async def _check_allowed(self, requests: Iterable[FileRequest]) -> None:
        for request in requests:
            try:
                request.allow_list.check(request.url)
            except ForbiddenURL as error:
                if error.denied:
                    model, revision, root = request.key.revision_key
                    await self.store.delete_models(model=model, revision=revision, root=root)
                raise
