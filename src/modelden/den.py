"""Joins settings, hub and engines: one configuration, one set of databases, one page."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from modelden.config import Configuration
from modelden.engine import options as engine_options
from modelden.engine import runtime
from modelden.engine.engine import Engine
from modelden.engine.files import EngineFiles
from modelden.engine.options import EngineOptions, Request
from modelden.engine.runtime import Bundle
from modelden.errors import EngineError
from modelden.hub.allow_list import AllowList
from modelden.hub.cache import Use
from modelden.hub.model_hub import HubFiles
from modelden.hub.names import HubAddress
from modelden.hub.schema import MODEL_FILES
from modelden.ports import Blob, EngineWorker, Ports
from modelden.progress import CHOOSING_OPTIONS, STARTING_ENGINE, ProgressCallback, Reporter
from modelden.settings.listeners import SyncListeners
from modelden.settings.service import SettingsService

ALLOW_DENY_LIST = "ml-model-allow-deny-list"
"""The collection of Remote Settings that says which URLs may be downloaded."""


class Den:
    """Everything that one configuration needs, opened when it is first used.

    Attributes:
        config: Where settings and models come from.
        ports: The browser.
    """

    def __init__(self, config: Configuration, ports: Ports, bundle: Bundle, listeners: SyncListeners) -> None:
        """Open nothing yet.

        Args:
            config: Where settings and models come from.
            ports: The browser.
            bundle: The JavaScript that runs models.
            listeners: Who wants to know of changes in Remote Settings.
        """
        self.config = config
        self.ports = ports
        self._bundle = bundle
        self._opening = asyncio.Lock()
        self._listeners = listeners
        self._settings: SettingsService | None = None
        self._hub: HubFiles | None = None

    async def settings(self) -> SettingsService:
        """Return Remote Settings.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        async with self._opening:
            if self._settings is None:
                self._settings = await SettingsService.open(self.config, self.ports, self._listeners)
        return self._settings

    def close(self) -> None:
        """Stop what goes on in the background. Engines live on."""
        if self._settings is not None:
            self._settings.close()

    async def hub(self) -> HubFiles:
        """Return the hub's files.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        async with self._opening:
            if self._hub is None:
                ports = self.ports
                self._hub = HubFiles(
                    HubAddress(self.config.hub_root_url, self.config.hub_url_template),
                    await ports.databases.open(MODEL_FILES),
                    ports.fetcher,
                    ports.blobs,
                    ports.clock,
                    ports.locks,
                )
        return self._hub

    async def create_engine(self, request: Request, on_progress: ProgressCallback | None = None) -> Engine:
        """Find, fetch and load what the request needs. Order of the steps and of their requests is Firefox's.

        Args:
            request: What the caller asks for.
            on_progress: Told each step.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        settings = await self.settings()
        options = await self._choose_options(settings, request, on_progress)
        # The worker's source is read and compiled while the runtime is fetched.
        worker = self.ports.engines.start(self._bundle.bundle)
        try:
            wasm = await self._runtime(settings, on_progress)
            allow_list = AllowList.of(await settings.client.get(ALLOW_DENY_LIST, on_progress))
            use = Use(options.task_name, options.engine_id)
            files = EngineFiles(await self.hub(), use, allow_list, on_progress)
            await self._start(worker, options, wasm, files, on_progress)
        except BaseException:
            worker.close()
            raise
        return Engine(options, worker)

    async def _choose_options(
        self, settings: SettingsService, request: Request, on_progress: ProgressCallback | None
    ) -> EngineOptions:
        records = await settings.client.get(engine_options.COLLECTION, on_progress)
        options = engine_options.choose(records, request)
        with Reporter(on_progress, CHOOSING_OPTIONS, options.engine_id, asdict(options)):
            return options

    async def _runtime(self, settings: SettingsService, on_progress: ProgressCallback | None) -> Blob:
        record = runtime.choose(await settings.client.get(runtime.COLLECTION, on_progress), self._bundle)
        runtime.check_fits(record, self._bundle)
        return await settings.attachments.get(self.config.cid(runtime.COLLECTION), record, on_progress)

    async def _start(
        self,
        worker: EngineWorker,
        options: EngineOptions,
        wasm: Blob,
        files: EngineFiles,
        on_progress: ProgressCallback | None,
    ) -> None:
        message = {
            "task": options.task_name,
            "modelId": options.model_id,
            "modelRevision": options.model_revision,
            "hubRootUrl": self.config.hub_root_url,
            "hubUrlTemplate": self.config.hub_url_template,
            "dtype": options.dtype,
            "device": "wasm",
        }
        with Reporter(on_progress, STARTING_ENGINE, options.engine_id):
            try:
                await worker.create(message, wasm, files)
            except EngineError as error:
                raise files.failure or error from error
