"""Is there something newer than what this browser uses? Asked for, and told when settings change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from modelden.core.events import EventEmitter, Events
from modelden.engine import model_selection, runtime_selection
from modelden.engine.history import History
from modelden.engine.plan import EngineRecord, Plan
from modelden.engine.update_status import OFFLINE, UNAVAILABLE, State, UpdateStatus
from modelden.errors import InputError, InvalidRecord, ModelDenError, NoRuntime, UnavailableError
from modelden.loading.update_fallback import LoaderWithFallback
from modelden.settings.changeset import SyncEvent
from modelden.settings.service import SettingsService

logger = logging.getLogger(__name__)


class UpdateCheck:
    """Compares what earlier visits and this one loaded with what Remote Settings and the hub have."""

    def __init__(
        self,
        source: LoaderWithFallback,
        history: Callable[[], Awaitable[History]],
        live: Callable[[], Iterable[EngineRecord]],
        settings: Callable[[], Awaitable[SettingsService]],
        events: Events,
    ) -> None:
        """Nothing is opened yet."""
        self._source = source
        self._history = history
        self._live = live
        self._settings = settings
        self._events = events
        self._told: set[tuple[str, str]] = set()
        self._telling: set[asyncio.Task[None]] = set()

    async def check(self) -> list[UpdateStatus]:
        """Ask Remote Settings, and the hub about branches; load nothing.

        Raises:
            SignatureError: If what the server says is not signed as configured; what was stored stays.
            StorageError: If the browser's storage fails.
        """
        known = await self._known()
        online = await self._sync() if known else True
        return [await self._status(each, online=online) for each in known]

    def settings_changed(self, _event: SyncEvent) -> None:
        """Hear that settings changed, and tell of the updates that follow from it."""
        task = asyncio.ensure_future(self._tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _known(self) -> list[EngineRecord]:
        """Return the engines of this page, and those that were loaded before and are not here."""
        live = list(self._live())
        here = [each.request.asks_for() for each in live]
        return live + [each for each in await (await self._history()).records() if each.request.asks_for() not in here]

    async def _sync(self) -> bool:
        settings = await self._settings()
        try:
            for collection in (model_selection.COLLECTION, runtime_selection.COLLECTION):
                await settings.client.sync(collection)
        except UnavailableError as error:
            logger.debug("Updates cannot be looked for: %s", error)
            return False
        return True

    async def _status(self, known: EngineRecord, *, online: bool) -> UpdateStatus:
        available, reason = None, None
        status: State = OFFLINE
        if online:
            try:
                available = await self._source.plan(known.request)
            except (InputError, InvalidRecord, NoRuntime) as error:
                status, reason = UNAVAILABLE, str(error)
            else:
                status = await self._source.status(known, available)
        return UpdateStatus(
            task_name=str(known.plan.options.task_name),
            feature_id=known.request.feature_id,
            engine_id=known.request.engine_id,
            status=status,
            current=known.plan.summary(),
            available=available.summary() if available and status != OFFLINE else None,
            reason=reason,
        )

    async def _tell(self) -> None:
        try:
            for known in await self._known():
                await self._tell_of(known)
        except ModelDenError as error:
            logger.warning("Settings changed, but whether models did cannot be told: %s", error)

    async def _tell_of(self, known: EngineRecord) -> None:
        try:
            available: Plan = await self._source.plan(known.request)
        except ModelDenError as error:
            logger.warning("Settings changed, and have nothing for %s any more: %s", known.request.task_name, error)
            return
        key = (known.request.engine_id, repr(available.summary()))
        if available.is_equivalent(known.plan) or key in self._told:
            return
        self._told.add(key)
        detail = {"current": known.plan.summary(), "available": available.summary()}
        EventEmitter(self._events, known.request.engine_id, known.request.flow_id).update("available", detail)
