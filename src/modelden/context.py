"""Joins settings, hub and engines: one configuration, one set of databases, one page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from modelden.config import Configuration
from modelden.core.events import DownloadEvents, Events
from modelden.core.progress import ProgressCallback
from modelden.core.storage_fallback import FallbackDatabases, StorageFallback
from modelden.engine import model_selection, runtime_selection
from modelden.engine.engine import Engine
from modelden.engine.engine_runner import EngineRunner
from modelden.engine.history import History
from modelden.engine.last_engine import MODELDEN
from modelden.engine.memory_guard import MemoryGuard
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord
from modelden.engine.registry import EngineRegistry
from modelden.engine.runtime_selection import Bundle
from modelden.engine.update_status import UpdateStatus
from modelden.errors import StorageError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress
from modelden.hub.files import HubFiles
from modelden.hub.policy import HubPolicy
from modelden.hub.store.schema import MODEL_FILES
from modelden.loading.engine_loader import ALLOW_DENY_LIST, EngineLoader
from modelden.loading.runtime_catalog import RuntimeCatalog
from modelden.loading.update_check import UpdateCheck
from modelden.loading.update_fallback import LoaderWithFallback
from modelden.ports import Database, Ports, Schema
from modelden.settings.listeners import SyncListeners
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.service import SettingsService

if TYPE_CHECKING:
    from modelden.hub.catalog.manifests import Manifests, Records
    from modelden.loading.onnx_session_loader import OnnxSessionLoader

logger = logging.getLogger(__name__)

_SMALL = (REMOTE_SETTINGS.name, MODELDEN.name)
"""Databases that move into memory as a whole where there is no room; files of models are kept there one by one."""

_SHARE_OF_MEMORY = 0.5
"""How much of the device's memory a model may take, if the configuration does not say."""


class Context:
    """Everything that one configuration needs, opened when it is first used.

    Attributes:
        config: Where settings and models come from.
        ports: The browser.
        in_memory: What is used from memory because it was not stored.
    """

    def __init__(
        self, config: Configuration, ports: Ports, bundles: Sequence[Bundle], listeners: SyncListeners, events: Events
    ) -> None:
        """Open nothing yet.

        Args:
            config: Where settings and models come from.
            ports: The browser.
            bundles: The JavaScript that runs models, for each file of the runtime.
            listeners: Who wants to know of changes in Remote Settings.
            events: Told what happens.
        """
        self.config = config
        self.in_memory = StorageFallback()
        databases = FallbackDatabases(
            ports.databases,
            ports.page,
            self.in_memory,
            required=config.require_storage,
            spilling=_SMALL if config.memory_when_full else (),
        )
        self.ports = ports = ports._replace(databases=databases)
        self._runtimes = RuntimeCatalog(config, bundles, ports.page)
        self._listeners = listeners
        self._events = events
        self._downloads = DownloadEvents(events)
        self._opening = asyncio.Lock()
        self._settings: SettingsService | None = None
        self._databases: dict[str, Database] = {}
        self._hubs: dict[HubAddress, HubFiles] = {}
        self._tidying: asyncio.Future[None] | None = None
        loader = EngineLoader(config, self._runtimes, ports.engines, self.settings, self._hub_of, self._guard)
        self._source = LoaderWithFallback(loader, self._history, self._hub_of, self._live, self._events)
        self._engines = EngineRegistry(
            lambda request: EngineRunner(request, self._source, ports, self._events), ports.suspender
        )
        self._updates = UpdateCheck(self._source, self._history, self._live, self.settings, self._events)
        self._deaf = [
            listeners.add(config.cid(collection), self._updates.on_settings_changed)
            for collection in (model_selection.COLLECTION, runtime_selection.COLLECTION)
        ]

    async def settings(self) -> SettingsService:
        """Return Remote Settings.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        async with self._opening:
            if self._settings is None:
                self._settings = await SettingsService.open(self.config, self.ports, self._listeners, self._downloads)
        return self._settings

    def close(self) -> None:
        """Stop what goes on in the background. Engines live on."""
        self._updates.close()
        while self._deaf:
            self._deaf.pop()()
        if self._settings is not None:
            self._settings.close()
        if self._tidying is not None:
            self._tidying.cancel()

    async def hub(self) -> HubFiles:
        """Return the configured hub's files.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        return await self._hub_at(HubAddress(self.config.hub_root_url, self.config.hub_url_template))

    async def hub_at(self, address: HubAddress, rules: HubPolicy) -> HubFiles:
        """Return the files of any hub, by other rules than the configured ones, kept in the same cache.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB, and it has to.
        """
        database = await self._database(MODEL_FILES)
        return HubFiles(address, database, self.ports, rules, self._manifests(database), self._downloads)

    def rules(self, address: HubAddress) -> HubPolicy:
        """Return what the configuration says of a hub's files; headers and mirrors are the configured hub's alone."""
        is_configured = address.root_url.rstrip("/") == self.config.hub_root_url.rstrip("/")
        return HubPolicy(
            headers=self.config.hub_headers if is_configured else {},
            mirrors=tuple(address._replace(root_url=root) for root in self.config.hubs) if is_configured else (),
            require_hashes=self.config.require_hashes,
            memory_when_full=self.config.memory_when_full,
            in_memory=self.in_memory,
            idle_timeout=self.config.idle_timeout,
            max_size=self.config.max_cache_size,
            evict=self.config.evict,
        )

    async def allow_list(self) -> AllowList:
        """Return which URLs may be downloaded, by Remote Settings."""
        return AllowList.of(await (await self.settings()).client.get(ALLOW_DENY_LIST))

    def sessions(self) -> OnnxSessionLoader:
        """Return what opens raw models."""
        from modelden.loading.onnx_session_loader import OnnxSessionLoader

        return OnnxSessionLoader(
            self.config, self.ports, self._runtimes, self.settings, self.hub, self._guard, self._events
        )

    async def create_engine(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Engine:
        """Return the engine for a request, ready to run.

        Args:
            request: What the caller asks for.
            on_progress: Told each step.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        model_selection.check_request(request)
        try:
            engine = await self._engines.get(request, on_progress)
        finally:
            self.ports.engines.end_prewarm()
        self.tidy()
        return engine

    def tidy(self, *others: HubFiles) -> None:
        """Have the browser keep what is stored, and remove what is of no use any more: once, when a model is complete.

        Nothing happens if nothing was stored. A browser may ask the visitor: that is not waited for.

        Args:
            *others: Hubs besides those of engines.
        """
        wrote = next((hub for hub in (*self._hubs.values(), *others) if hub.wrote), None)
        if self._tidying is None and wrote is not None:
            self._tidying = asyncio.ensure_future(self._tidy(wrote))

    async def prefetch(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> None:
        """Fetch all that an engine for the request needs; the errors are those of `LoaderWithFallback.prefetch`."""
        model_selection.check_request(request)
        await self._source.prefetch(request, on_progress)
        self.tidy()

    async def check_updates(self) -> list[UpdateStatus]:
        """Return for each engine that was ever loaded whether it is current; errors as `UpdateCheck.check`."""
        return await self._updates.check()

    async def _tidy(self, hub: HubFiles) -> None:
        await self.ports.page.persist()
        try:
            await hub.sweep.run()
        except StorageError as error:
            logger.warning("What is of no use any more stays stored: %s", error)

    def _live(self) -> Iterator[EngineRecord]:
        return self._engines.records()

    async def _hub_of(self, options: PipelineOptions) -> HubFiles:
        return await self._hub_at(HubAddress(str(options.model_hub_root_url), str(options.model_hub_url_template)))

    async def _hub_at(self, address: HubAddress) -> HubFiles:
        database = await self._database(MODEL_FILES)
        if address not in self._hubs:
            self._hubs[address] = HubFiles(
                address, database, self.ports, self.rules(address), self._manifests(database), self._downloads
            )
        return self._hubs[address]

    def _manifests(self, database: Database) -> Manifests | None:
        if not self.config.manifests:
            return None
        from modelden.hub.catalog.manifests import Manifests

        return Manifests(self._records, database, self.ports.clock, self.config.poll_interval)

    async def _records(self) -> Records:
        return (await self.settings()).client

    async def _history(self) -> History:
        return History(await self._database(MODELDEN), self.config.trust_source, self.ports.clock)

    async def _guard(self) -> MemoryGuard:
        device = self.ports.page.device_memory()
        memory = self.config.memory_limit or (None if device is None else int(device * _SHARE_OF_MEMORY))
        return MemoryGuard(await self._database(MODELDEN), self.ports.presence, memory)

    async def _database(self, schema: Schema) -> Database:
        async with self._opening:
            if schema.name not in self._databases:
                self._databases[schema.name] = await self.ports.databases.open(schema)
        return self._databases[schema.name]
