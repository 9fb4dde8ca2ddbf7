"""The file provider of an engine: answers a worker's requests for model files from the hub."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from modelden.core.events import ProgressCallback
from modelden.engine.memory_guard import LoadWatch, is_weights
from modelden.errors import EngineError, FileNotFoundOnHub, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile, is_branch
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.records import CachedFile, FileKey
from modelden.hub.store.usage import Consumer
from modelden.ports import Blob

logger = logging.getLogger(__name__)


MAX_FILES = 1000
"""Maximum number of files that one load requests. Large models have dozens; a hostile one names any number."""

_CONFIGURATION = "config.json"
"""The file that each model of transformers.js has."""


def check_count(count: int) -> None:
    """Refuse a load that requests too many files.

    Raises:
        EngineError: If there are more than `MAX_FILES`.
    """
    if count > MAX_FILES:
        raise EngineError(f"The model requests more than {MAX_FILES} files. Its configuration is wrong, or hostile.")


async def revalidate(
    hub: HubFiles,
    files: Mapping[FileKey, ModelFile],
    consumer: Consumer,
    allow_list: AllowList,
    on_progress: ProgressCallback | None,
    branch: BranchUpdate | None,
) -> list[FileKey]:
    """Download files of a load again of which the hub has other bytes, and return the keys of changed ones.

    Files of a branch belong to one state. They are left out if the branch has changed, or is used as it is stored.

    Raises:
        ForbiddenURL: If the allow list does not admit one of them any more.
        StorageError: If the browser's storage fails.
    """
    is_fixed = branch is not None and (branch.stored_only or bool(branch.changed))
    urls = {key: hub.url(file) for key, file in files.items() if not (is_fixed and is_branch(file.revision))}

    async def download(key: FileKey) -> CachedFile:
        return await hub.get(files[key], consumer, allow_list, on_progress, no_cache=True)

    return await hub.validation.run(urls, hub.send_head, download)


class EngineFileProvider:
    """A `ports.FileProvider` over one hub, for one load.

    A worker that cannot have a file fails with a text of its own; `cause_of` returns the error behind it.

    Attributes:
        revisions: Model and revision of each file that was provided.
        urls: The URLs of the provided files, in their order.
        files: The provided files by their keys in the store.
        lease: Keeps their models from being evicted until it is ended.
    """

    def __init__(
        self,
        hub: HubFiles,
        consumer: Consumer,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
        watch: LoadWatch | None = None,
        preflight: Callable[[], Coroutine[Any, Any, None]] | None = None,
        branch: BranchUpdate | None = None,
    ) -> None:
        """Create a provider.

        Args:
            hub: The hub.
            consumer: The task and the engine that the files are for.
            allow_list: Checked for each file.
            on_progress: Called with Firefox's events.
            watch: Accounts for weights before they are fetched, if their size is known, and before they are loaded.
            preflight: Called before the first download, for all of them; what it raises ends each of them.
            branch: The branch update of the load.
        """
        self._hub = hub
        self._consumer = consumer
        self._allow_list = allow_list
        self._on_progress = on_progress
        self._watch = watch
        self._before_download = None if preflight is None else partial(self._run_preflight, preflight)
        self._preflight_task: asyncio.Future[None] | None = None
        self._branch = branch
        self.revisions: set[tuple[str, str]] = set()
        self.urls: dict[str, None] = {}
        self.files: dict[FileKey, ModelFile] = {}
        self.lease = hub.store.lease()
        self._requested: set[str] = set()
        self._missing: dict[ModelFile, FileNotFoundOnHub] = {}
        self._first_error: ModelDenError | None = None

    def cause_of(self, error: EngineError) -> ModelDenError:
        """Return why an engine did not start: a file's error, else the missing file that it names, else ``error``.

        transformers.js can do without most of several missing files; it names the one that it cannot do without.
        """
        required = (missing for file, missing in self._missing.items() if file.file in str(error))
        return self._first_error or next(required, error)

    async def missing_model(self, error: FileNotFoundOnHub) -> FileNotFoundOnHub:
        """Return the error of a missing model if the hub has no file of it, else ``error``.

        Each model has a configuration. The worker ends with the first missing file, maybe before it asks for that.
        """
        if error.code is not None or (error.model, error.revision) in self.revisions:
            return error
        try:
            configuration = ModelFile(error.model, error.revision, _CONFIGURATION)
            if (known := self._missing.get(configuration)) is not None:  # the worker asked for it already
                raise known
            await self._hub.get(configuration, self._consumer, self._allow_list, None)
        except FileNotFoundOnHub as missing:
            files = {_CONFIGURATION: None} | {file.file: None for file in self._missing if file.model == error.model}
            return FileNotFoundOnHub(
                error.url,
                error.status,
                model=error.model,
                revision=error.revision,
                file=error.file,
                code=missing.code,
                missing=tuple(sorted(files)),
            )
        except ModelDenError as other:
            logger.debug("The configuration of %s cannot be asked for: %s", error.model, other)
        return error

    async def revalidate(self) -> list[FileKey]:
        """Download the provided files again of which the hub has other bytes, and return the keys of changed ones.

        Raises:
            ForbiddenURL: If the allow list does not admit one of them any more.
            StorageError: If the browser's storage fails.
        """
        return await revalidate(
            self._hub, self.files, self._consumer, self._allow_list, self._on_progress, self._branch
        )

    async def remember_missing(self) -> None:
        """Store which files the hub does not have: the engine runs without them. A failure is logged."""
        if not self._missing:
            return
        try:
            await self._hub.remember_missing(self._missing)
        except ModelDenError as error:
            logger.warning("Which files the model does without is not remembered. %s", error)

    async def __call__(self, url: str) -> Blob | None:
        """Return the file at a URL, or None if the hub does not have it.

        Raises:
            ModelDenError: As `HubFiles.get`, but for missing files.
        """
        try:
            self._requested.add(url)
            check_count(len(self._requested))
            file = self._hub.parse_url(url)
            key = self._hub.key(file)
            await self.lease.add(key.revision_key)
            watch = self._watch if is_weights(url) else None
            cached = await self._hub.get(
                file,
                self._consumer,
                self._allow_list,
                self._on_progress,
                branch=self._branch,
                before_download=self._before_download,
                check_size=None if watch is None else partial(watch.account_expected, url),
            )
            if watch is not None:
                watch.account_loaded(url, cached.blob)
        except FileNotFoundOnHub as error:
            # transformers.js decides whether it needs the file.
            self._missing[ModelFile(error.model, error.revision, error.file)] = error
            return None
        except ModelDenError as error:
            self._first_error = self._first_error or error
            raise
        self._record(url, file, key)
        return cached.blob

    async def cached_files(self, urls: Sequence[str]) -> dict[str, Blob]:
        """Return those of these files that are stored and cannot have changed on the hub.

        The worker requests the others one by one. Errors are left to those requests.
        """
        try:
            files = self._hub.parse_urls(urls)
            keys = {file: self._hub.key(file) for file in files.values()}
            for revision_key in {key.revision_key for key in keys.values()}:
                await self.lease.add(revision_key)
            cached = await self._hub.get_stored(
                list(files.values()), self._consumer, self._allow_list, self._on_progress
            )
            blobs = {url: cached[file].blob for url, file in files.items() if file in cached}
            if self._watch is not None:
                for url in [url for url in blobs if is_weights(url)]:
                    self._watch.account_loaded(url, blobs[url])
        except ModelDenError as error:
            logger.debug("The files of the last load are not provided ahead: %s", error)
            return {}
        for url in blobs:
            self._record(url, files[url], keys[files[url]])
        return blobs

    def _record(self, url: str, file: ModelFile, key: FileKey) -> None:
        self.urls[url] = None
        self.revisions.add((file.model, file.revision))
        self.files[key] = file

    async def _run_preflight(self, preflight: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._preflight_task is None:
            self._preflight_task = asyncio.ensure_future(preflight())
        await asyncio.shield(self._preflight_task)
