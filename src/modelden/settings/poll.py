"""Polling of Remote Settings while a page is open: once a day, by one of the tabs.

Source: Firefox ``remote-settings.sys.mjs`` (``pollChanges``): one request lists the changes, and only changed
collections are synced. Two things are ours: a page that becomes visible after more than a day polls at once, and a poll
notifies the other tabs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from modelden.core.age import age
from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import EventEmitter
from modelden.errors import ModelDenError, SignatureError
from modelden.ports import Ports
from modelden.settings.attachments import Attachments
from modelden.settings.changeset import SyncEvent
from modelden.settings.client import SettingsClient
from modelden.settings.listeners import SyncListeners

if TYPE_CHECKING:
    from modelden.settings.server import SettingsServer

logger = logging.getLogger(__name__)


class Poller:
    """Polls one server for the stored collections."""

    def __init__(
        self,
        client: SettingsClient,
        attachments: Attachments,
        server: Callable[[], SettingsServer],
        listeners: SyncListeners,
        emitter: EventEmitter,
        ports: Ports,
        trust_source: str,
        interval: float,
    ) -> None:
        self._listeners = listeners
        self._emitter = emitter
        self._client = client
        self._attachments = attachments
        self._server = server
        self._tabs = ports.tabs
        self._page = ports.page
        self._clock = ports.clock
        self._interval = interval * 1000
        self._source = trust_source
        self._tasks = BackgroundTasks()
        self._wake = asyncio.Event()
        self._started = self._closed = False

    def start(self) -> None:
        """Start polling, and receive the changes that other tabs find. Does nothing if it was started or closed."""
        if self._started or self._closed:
            return
        self._started = True
        self._tabs.listen(self._on_message)
        self._page.on_visible(self._wake.set)
        self._tasks.start(self._run(), "poll Remote Settings")

    def close(self) -> None:
        """Stop polling, a poll that is under way too, and notify nobody any more."""
        self._closed = True
        self._tasks.cancel()
        if self._started:
            self._started = False
            self._tabs.close()
            self._page.close()

    async def poll(self) -> list[SyncEvent]:
        """Ask once which collections changed, and sync those.

        Returns:
            The changes of each collection.

        Raises:
            SignatureError: If a collection is not signed as configured. The others are synced all the same.
            UnavailableError: If the server cannot be reached or understood.
        """
        events, errors = [], []
        timestamps = await self._server().timestamps()
        for cid in await self._client.confirmations():
            if cid not in timestamps:
                continue
            bucket, _, name = cid.partition("/")
            try:
                # For an unchanged timestamp, sync() sends no request: it confirms, and renews an old signature.
                event = await self._client.sync(name, bucket=bucket, expected=timestamps[cid])
            except ModelDenError as error:
                errors.append(error)
                continue
            if event:
                events.append(event)
                self._notify_tabs(event)
        if errors:
            raise errors[0]
        return events

    def _notify_tabs(self, event: SyncEvent) -> None:
        if not self._closed:
            self._tabs.post({"source": self._source, **_to_message(event)})

    async def _run(self) -> None:
        while True:
            await self._wait()
            try:
                if await self._is_due():
                    await self.poll()
                    await self._attachments.prune()  # after the daily poll, as Firefox does
            except ModelDenError as error:
                logger.warning("Remote Settings could not be polled: %s", error)
                if isinstance(error, SignatureError):
                    self._emitter.emit_error(error, "update")
            except Exception:
                # The next poll may succeed, so polling goes on.
                logger.exception("The poll of Remote Settings failed unexpectedly")

    async def _wait(self) -> None:
        """Wait for the poll interval. Timers of hidden pages sleep, so becoming visible looks at the clock."""
        start = self._clock.now()
        while (remaining := self._interval - age(self._clock.now(), start)) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining / 1000):
                    await self._wake.wait()

    async def _is_due(self) -> bool:
        """Return True if a collection needs a poll. A poll confirms all of them, in whichever tab it runs."""
        now = self._clock.now()
        confirmations = (await self._client.confirmations()).values()
        return any(age(now, confirmed) >= self._interval for confirmed in confirmations)

    def _on_message(self, message: dict[str, Any]) -> None:
        # A tab may be configured for another server, or verify nothing.
        if self._closed or message.get("source") != self._source:
            return
        try:
            event = _from_message(message)
        except (KeyError, TypeError, ValueError) as error:
            logger.debug("A message of another tab is ignored, it may run another version: %r", error)
            return
        self._listeners.emit(event)


def _to_message(event: SyncEvent) -> dict[str, Any]:
    return {
        "collection": event.collection,
        "current": list(event.current),
        "created": list(event.created),
        "updated": [list(pair) for pair in event.updated],
        "deleted": list(event.deleted),
    }


def _from_message(message: dict[str, Any]) -> SyncEvent:
    return SyncEvent(
        message["collection"],
        tuple(message["current"]),
        tuple(message["created"]),
        tuple((old, new) for old, new in message["updated"]),
        tuple(message["deleted"]),
    )
