"""The update check: compares engines with Remote Settings and the hub, on request and after settings have changed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import EventEmitter, Events
from modelden.engine import model_selection, runtime_selection
from modelden.engine.history import History
from modelden.engine.plan import EngineRecord
from modelden.engine.update_status import OFFLINE, UNAVAILABLE, State, UpdateStatus
from modelden.errors import InputError, InvalidRecord, ModelDenError, NoRuntime, UnavailableError
from modelden.loading.update_fallback import LoaderWithFallback
from modelden.settings.changeset import SyncEvent
from modelden.settings.service import SettingsService

logger = logging.getLogger(__name__)


class UpdateCheck:
    """Compares the engines of this visit and of earlier ones with what is available now."""

    def __init__(
        self,
        loader: LoaderWithFallback,
        open_history: Callable[[], Awaitable[History]],
        live_engines: Callable[[], Iterable[EngineRecord]],
        open_settings: Callable[[], Awaitable[SettingsService]],
        events: Events,
    ) -> None:
        """Create a check.

        Args:
            loader: Plans engines, and compares branches with the hub.
            open_history: Opens the history.
            live_engines: Returns the engines of this page.
            open_settings: Opens Remote Settings.
            events: The listeners for updates.
        """
        self._loader = loader
        self._open_history = open_history
        self._live_engines = live_engines
        self._open_settings = open_settings
        self._events = events
        self._announced: set[tuple[str, str]] = set()
        self._tasks = BackgroundTasks()
        self._is_closed = False

    async def check(self) -> list[UpdateStatus]:
        """Synchronise settings, compare branches with the hub, and load nothing.

        Raises:
            SignatureError: If the server's settings are not signed as configured; the stored ones stay.
            StorageError: If the browser's storage fails.
        """
        records = await self._records()
        online = await self._sync() if records else True
        return [await self._status(record, online=online) for record in records]

    def on_settings_changed(self, _event: SyncEvent) -> None:
        """Emit `update` events for the engines that changed settings concern."""
        if not self._is_closed:
            self._tasks.start(self._announce(), "look for updates")

    def close(self) -> None:
        """Look for no more updates."""
        self._is_closed = True
        self._tasks.cancel()

    async def _records(self) -> list[EngineRecord]:
        """Return the engines of this page, and those of the history that are not among them."""
        live = list(self._live_engines())
        identities = [record.request.asks_for() for record in live]
        stored = await (await self._open_history()).records()
        return live + [record for record in stored if record.request.asks_for() not in identities]

    async def _sync(self) -> bool:
        settings = await self._open_settings()
        try:
            for collection in (model_selection.COLLECTION, runtime_selection.COLLECTION):
                await settings.client.sync(collection)
        except UnavailableError as error:
            logger.debug("Settings cannot be synchronised: %s", error)
            return False
        return True

    async def _status(self, record: EngineRecord, *, online: bool) -> UpdateStatus:
        available, reason = None, None
        status: State = OFFLINE
        if online:
            try:
                available = await self._loader.plan(record.request)
            except (InputError, InvalidRecord, NoRuntime) as error:
                status, reason = UNAVAILABLE, str(error)
            else:
                status = await self._loader.update_state(record, available)
        return UpdateStatus(
            task_name=str(record.plan.options.task_name),
            feature_id=record.request.feature_id,
            engine_id=record.request.engine_id,
            status=status,
            current=record.plan.summary(),
            available=available.summary() if available and status != OFFLINE else None,
            reason=reason,
        )

    async def _announce(self) -> None:
        try:
            for record in await self._records():
                await self._announce_update_of(record)
        except ModelDenError as error:
            logger.warning("Settings changed, but engines could not be compared with them: %s", error)

    async def _announce_update_of(self, record: EngineRecord) -> None:
        try:
            available = await self._loader.plan(record.request)
        except ModelDenError as error:
            logger.warning("Settings changed, and have nothing for %s any more: %s", record.request.task_name, error)
            return
        key = (record.request.engine_id, repr(available.summary()))
        if available.is_equivalent(record.plan) or key in self._announced:
            return
        self._announced.add(key)
        detail = {"current": record.plan.summary(), "available": available.summary()}
        EventEmitter(self._events, record.request.engine_id, record.request.flow_id).emit_update("available", detail)
