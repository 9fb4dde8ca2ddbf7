"""Answers an engine's wishes for model files from the hub, and remembers what could not be had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from modelden.core.progress import ProgressCallback
from modelden.engine.memory_guard import LoadWatch, is_weights
from modelden.errors import EngineError, FileNotFoundOnHub, ModelDenError, StorageError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.partials import FileKey
from modelden.hub.store.usage import Consumer
from modelden.ports import Blob

logger = logging.getLogger(__name__)


class EngineFileProvider:
    """A `ports.FileProvider` over one hub.

    A worker that cannot have a file fails with a text of its own; `cause_of` tells the error behind it.

    Attributes:
        used: Model and revision of each file that was given.
        given: The files that were given, by their URLs, in their order.
        keys: The same by their keys in the store.
        in_use: Keeps their models from being evicted until it is ended.
    """

    def __init__(
        self,
        hub: HubFiles,
        use: Consumer,
        allow_list: AllowList,
        on_progress: ProgressCallback | None = None,
        watch: LoadWatch | None = None,
        ask_room: Callable[[], Coroutine[Any, Any, None]] | None = None,
        branch: BranchUpdate | None = None,
    ) -> None:
        """For one engine.

        Args:
            hub: Has the files.
            use: For whom.
            allow_list: Asked for each file.
            on_progress: Told Firefox's events.
            watch: Asked before weights are fetched, where their size is known then, and before they are given.
            ask_room: Called before the first download, for all of them; what it raises ends each of them.
            branch: What the load takes of branches.
        """
        self._hub = hub
        self._use = use
        self._allow_list = allow_list
        self._on_progress = on_progress
        self._watch = watch
        self._ask_room = ask_room
        self._asking: asyncio.Future[None] | None = None
        self._branch = branch
        self.used: set[tuple[str, str]] = set()
        self.given: dict[str, None] = {}
        self.keys: set[FileKey] = set()
        self.in_use = hub.in_use()
        self._missing: dict[ModelFile, ModelDenError] = {}
        self._failed: ModelDenError | None = None

    def cause_of(self, error: EngineError) -> ModelDenError:
        """Return why an engine did not start: a file that failed, else the missing one that it names, else ``error``.

        Of several missing files most are such as transformers.js can do without; it names the one that it cannot.
        """
        named = (missing for file, missing in self._missing.items() if file.file in str(error))
        return self._failed or next(named, error)

    async def remember_missing(self) -> None:
        """Remember the files that could not be had: the engine runs, so it does without them."""
        try:
            await self._hub.remember_missing(self._missing)
        except StorageError as error:
            logger.warning("Which files the model does without is not remembered. %s", error)

    async def __call__(self, url: str) -> Blob | None:
        """Return the file that ``url`` names, or None when the hub does not have it.

        Raises:
            ModelDenError: As `HubFiles.get`, but for missing files.
        """
        try:
            file = self._hub.parse_url(url)
            await self.in_use.add(*self._hub.key(file)[:2])
            watch = self._watch if is_weights(url) else None
            expect = None if watch is None else partial(watch.account_expected, url)
            kept = await self._hub.get(
                file,
                self._use,
                self._allow_list,
                self._on_progress,
                branch=self._branch,
                before_download=self._before_download,
                expect=expect,
            )
            blob = kept.blob
            if watch is not None:
                watch.account_loaded(url, blob)
        except FileNotFoundOnHub as error:
            # Not every file is needed: transformers.js decides.
            self._missing[ModelFile(error.model, error.revision, error.file)] = error
            return None
        except ModelDenError as error:
            self._failed = self._failed or error
            raise
        self._give(url, file)
        return blob

    async def kept(self, urls: Sequence[str]) -> dict[str, Blob]:
        """Return those of these files that are kept, and of which the hub need not be asked whether they are current.

        What cannot be given so is left to be asked for, and told then.
        """
        try:
            files = {url: self._hub.parse_url(url) for url in urls}
            for file in files.values():
                await self.in_use.add(*self._hub.key(file)[:2])
            found = await self._hub.get_kept(list(files.values()), self._use, self._allow_list, self._on_progress)
            blobs = {url: found[file].blob for url, file in files.items() if file in found}
            if self._watch is not None:
                for url in filter(is_weights, blobs):
                    self._watch.account_loaded(url, blobs[url])
        except ModelDenError as error:
            logger.debug("The files of the last load are not offered: %s", error)
            return {}
        for url in blobs:
            self._give(url, files[url])
        return blobs

    def _give(self, url: str, file: ModelFile) -> None:
        self.given[url] = None
        self.used.add((file.model, file.revision))
        self.keys.add(self._hub.key(file))

    async def _before_download(self) -> None:
        if self._ask_room is None:
            return
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask_room())
        await asyncio.shield(self._asking)
