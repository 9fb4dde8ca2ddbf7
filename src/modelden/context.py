"""The composition root: settings, hub and engines of one configuration, over the databases of one page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelden.config import Configuration
from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import DownloadEvents, Events, ProgressCallback
from modelden.core.offline_fetcher import OfflineFetcher
from modelden.core.storage_fallback import FallbackDatabases, StorageFallback
from modelden.engine import model_selection, runtime_selection
from modelden.engine.engine import Engine, EngineRegistry
from modelden.engine.engine_runner import EngineRunner
from modelden.engine.history import History
from modelden.engine.memory_guard import MemoryGuard, memory_limit
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord
from modelden.engine.runtime_selection import Bundle
from modelden.engine.schema import MODELDEN
from modelden.engine.update_status import UpdateStatus
from modelden.errors import NotPrefetched, StorageError, UnavailableError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress
from modelden.hub.files import HubFiles
from modelden.hub.policy import HubPolicy, StoragePolicy
from modelden.hub.store.reservations import Reservations
from modelden.hub.store.schema import MODEL_FILES
from modelden.hub.store.store import Store
from modelden.loading.engine_loader import ALLOW_DENY_LIST, EngineLoader
from modelden.loading.update_check import UpdateCheck
from modelden.loading.update_fallback import LoaderWithFallback
from modelden.ports import Database, Ports, Schema
from modelden.settings.listeners import SyncListeners
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.service import SettingsService

if TYPE_CHECKING:
    from modelden.hub.catalog.manifests import Manifests, Records
    from modelden.loading.availability import AvailabilityCheck
    from modelden.loading.onnx_session_loader import OnnxSessionLoader

logger = logging.getLogger(__name__)

_SMALL_DATABASES = (REMOTE_SETTINGS.name, MODELDEN.name)
"""Databases that move to memory as a whole when changes are refused. Model files go to memory one by one."""


class Context:
    """The parts of one configuration, each opened at its first use.

    Attributes:
        config: Configuration.
        ports: The browser.
        bundles: JavaScript of this wheel.
        storage_fallback: Record of what is used from memory because storage refused it.
    """

    def __init__(
        self,
        config: Configuration,
        ports: Ports,
        bundles: Sequence[Bundle],
        listeners: SyncListeners,
        events: Events,
        reservations: Reservations | None = None,
    ) -> None:
        """Create a context.

        Args:
            config: Configuration.
            ports: The browser.
            bundles: JavaScript of this wheel, for each file of the runtime.
            listeners: Listeners to changes in Remote Settings.
            events: Listeners to events of the page.
            reservations: Space that downloads of the page need, under earlier configurations too.
        """
        self.config = config
        self.storage_fallback = StorageFallback()
        databases = FallbackDatabases(
            ports.databases,
            ports.page,
            self.storage_fallback,
            required=config.require_storage,
            small=_SMALL_DATABASES,
            memory_when_full=config.memory_when_full,
        )
        self._trust_source = config.trust_source
        ports = ports._replace(databases=databases)
        self.ports = ports = ports._replace(fetcher=OfflineFetcher()) if config.offline else ports
        self.bundles = bundles
        self._listeners = listeners
        self._events = events
        self._reservations = reservations or Reservations()
        self._opening = asyncio.Lock()
        self._is_closed = False
        self._settings: SettingsService | None = None
        self._databases: dict[str, Database] = {}
        self._model_store: Store | None = None
        self._hubs: dict[HubAddress, HubFiles] = {}
        self._tasks = BackgroundTasks()
        self._is_tidy = False
        self._onnx_sessions: OnnxSessionLoader | None = None
        self._engine_loader = EngineLoader(config, bundles, ports, self.settings, self._hub_of, self._memory_guard)
        self._loader = LoaderWithFallback(self._engine_loader, self._history, self._hub_of, self._live_engines, events)
        self._engines = EngineRegistry(
            lambda request: EngineRunner(request, self._loader, ports, events), ports.suspender
        )
        self._updates = UpdateCheck(self._loader, self._history, self._live_engines, self.settings, events)
        self._unsubscribe = [
            listeners.add(config.cid(collection), self._updates.on_settings_changed)
            for collection in (model_selection.COLLECTION, runtime_selection.COLLECTION)
        ]

    async def settings(self) -> SettingsService:
        """Return Remote Settings.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB, and it is required.
        """
        async with self._opening:
            if self._settings is None:
                events = DownloadEvents(self._events)
                self._settings = await SettingsService.open(
                    self.config, self._trust_source, self.ports, self._listeners, events
                )
                if not self._is_closed:  # an engine of an earlier configuration reads settings, and must not poll
                    self._settings.start()
        return self._settings

    async def store(self) -> Store:
        """Return the stored models of all hubs.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB, and it is required.
        """
        database = await self.database(MODEL_FILES)
        if self._model_store is None:
            policy = StoragePolicy(
                max_size=self.config.max_cache_size,
                evict=self.config.evict,
                memory_when_full=self.config.memory_when_full,
                required=self.config.require_storage,
                fallback=self.storage_fallback,
            )
            self._model_store = Store(database, self.ports, policy, self._reservations)
            if self._is_closed:
                self._model_store.close()
        return self._model_store

    def close(self) -> None:
        """Stop the work in the background. Engines live on."""
        self._is_closed = True
        self._updates.close()
        while self._unsubscribe:
            self._unsubscribe.pop()()
        if self._settings is not None:
            self._settings.close()
        if self._model_store is not None:
            self._model_store.close()
        self._tasks.cancel()

    async def hub(self) -> HubFiles:
        """Return the files of the configured hub; errors as `store`."""
        return await self._configured_hub_at(HubAddress(self.config.hub_root_url, self.config.hub_url_template))

    async def hub_at(self, address: HubAddress, policy: HubPolicy) -> HubFiles:
        """Return the files of any hub under a policy of its own, in the same store; errors as `store`."""
        store = await self.store()
        return HubFiles(address, store, self.ports, policy, self._manifests(), DownloadEvents(self._events))

    def policy(self, address: HubAddress) -> HubPolicy:
        """Return the policy for a hub. Headers and mirrors of the configuration are for the configured hub alone."""
        is_configured = address.root_url.rstrip("/") == self.config.hub_root_url.rstrip("/")
        return HubPolicy(
            headers=self.config.hub_headers if is_configured else {},
            mirrors=tuple(address._replace(root_url=root) for root in self.config.hubs) if is_configured else (),
            require_hashes=self.config.require_hashes,
        )

    async def allow_list(self) -> AllowList:
        """Return the allow list of Remote Settings."""
        return AllowList.of(await (await self.settings()).client.get(ALLOW_DENY_LIST))

    def onnx_sessions(self) -> OnnxSessionLoader:
        """Return the loader of raw models."""
        from modelden.loading.onnx_session_loader import OnnxSessionLoader

        if self._onnx_sessions is None:
            parts = self.settings, self.hub, self._memory_guard, self._engine_loader.choose_runtime, self._events
            self._onnx_sessions = OnnxSessionLoader(self.config, self.bundles, self.ports, *parts)
            runtimes = self.config.cid(runtime_selection.COLLECTION)
            self._unsubscribe.append(self._listeners.add(runtimes, self._onnx_sessions.runtimes.clear))
        return self._onnx_sessions

    async def create_engine(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Engine:
        """Return the engine for a request, ready to run; errors as `modelden.create_engine`."""
        model_selection.check_request(request)
        try:
            engine = await self._engines.get(request, on_progress)
        except UnavailableError as error:
            if self.config.offline and (missing := (await (await self.availability()).check(request)).missing):
                raise NotPrefetched(missing, str(error)) from error
            raise
        finally:
            self.ports.engines.end_early_worker()
        self.tidy()
        return engine

    async def availability(self, *, network: bool = True) -> AvailabilityCheck:
        """Return the check of what an engine would download. Without ``network`` it sends no request."""
        from modelden.loading.availability import AvailabilityCheck

        if not network and not self.config.offline:
            return await (await self._offline_twin()).availability()
        parts = self._engine_loader.plan, self._history, self._hub_of, self.settings
        return AvailabilityCheck(self.config, self.ports.locks, *parts)

    async def _offline_twin(self) -> Context:
        """Return a context over the same databases that sends no request and does no work in the background."""
        config = replace(self.config, offline=True)
        twin = Context(config, self.ports, self.bundles, SyncListeners(), Events(), self._reservations)
        twin.close()
        twin._model_store = await self.store()
        return twin

    def tidy(self) -> None:
        """Ask for persistent storage, sweep the store (both once), remember its models: later, if a file was stored."""
        store = self._model_store
        if store is None or not store.has_written:
            return
        if self._is_tidy:
            self._tasks.start(store.inventory.record(), "remember the stored models")
        else:
            self._is_tidy = True
            self._tasks.start(self._tidy(store), "tidy up the store")

    async def prefetch(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> None:
        """Download all that an engine for the request needs; errors as `LoaderWithFallback.prefetch`."""
        model_selection.check_request(request)
        await self._loader.prefetch(request, on_progress)
        self.tidy()

    async def check_updates(self) -> list[UpdateStatus]:
        """Return the update status of each engine that was ever loaded; errors as `UpdateCheck.check`."""
        return await self._updates.check()

    async def _tidy(self, store: Store) -> None:
        await store.inventory.record()
        try:
            await store.sweep()
        except StorageError as error:
            logger.warning("Abandoned data stay stored: %s", error)
        await self.ports.page.persist()  # last: Firefox asks the visitor, and an answer may never come

    def _live_engines(self) -> Iterator[EngineRecord]:
        return self._engines.records()

    async def _hub_of(self, options: PipelineOptions) -> HubFiles:
        address = HubAddress(str(options.model_hub_root_url), str(options.model_hub_url_template))
        return await self._configured_hub_at(address)

    async def _configured_hub_at(self, address: HubAddress) -> HubFiles:
        if address not in self._hubs:
            self._hubs[address] = await self.hub_at(address, self.policy(address))
        return self._hubs[address]

    def _manifests(self) -> Manifests | None:
        if not self.config.manifests:
            return None
        from modelden.hub.catalog.manifests import Manifests

        return Manifests(self._settings_client, required=self.config.manifests is True)

    async def _settings_client(self) -> Records:
        return (await self.settings()).client

    async def _history(self) -> History:
        return History(await self.database(MODELDEN), self._trust_source, self.config.hub_root_url, self.ports.clock)

    async def _memory_guard(self) -> MemoryGuard:
        database, configured = await self.database(MODELDEN), self.config.memory_limit
        return MemoryGuard(database, self.ports.presence, memory_limit(configured, self.ports.page.device_memory()))

    async def database(self, schema: Schema) -> Database:
        """Return a database, opened once; errors as `store`."""
        async with self._opening:
            if schema.name not in self._databases:
                self._databases[schema.name] = await self.ports.databases.open(schema)
        return self._databases[schema.name]
