"""Keeping a page that stays open up to date: one poll a day, whoever of the page's tabs makes it.

Source: Firefox ``remote-settings.sys.mjs`` (``pollChanges``): one request tells what changed, only that is synced. Ours
also polls when the page becomes visible after that long, and tells the other tabs.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from typing import Any

from modelden.config import Configuration
from modelden.errors import ModelDenError
from modelden.ports import Clock, Page, Tabs
from modelden.settings.attachments import Attachments
from modelden.settings.changeset import SyncEvent
from modelden.settings.client import SettingsClient
from modelden.settings.listeners import SyncListeners
from modelden.settings.server import SettingsServer

logger = logging.getLogger(__name__)


class Poller:
    """Polls one server for the collections that are stored."""

    def __init__(
        self,
        client: SettingsClient,
        attachments: Attachments,
        server: SettingsServer,
        listeners: SyncListeners,
        tabs: Tabs,
        page: Page,
        config: Configuration,
        clock: Clock,
    ) -> None:
        """Do nothing yet."""
        self._listeners = listeners
        self._client = client
        self._attachments = attachments
        self._server = server
        self._tabs = tabs
        self._page = page
        self._clock = clock
        self._interval = config.poll_interval * 1000
        self._source = config.trust_source
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Poll from now on, and hear what other tabs found. Starting twice does nothing."""
        if self._task is None:
            self._tabs.listen(self._heard)
            self._page.on_visible(self._wake.set)
            self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """End polling."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._tabs.close()
            self._page.close()

    async def poll(self) -> list[SyncEvent]:
        """Ask once what changed, and sync that.

        Returns:
            What changed in each collection.

        Raises:
            SignatureError: If a collection is not signed as configured; the others are synced all the same.
            UnavailableError: If the server cannot be reached or understood.
        """
        events, faults = [], []
        timestamps = await self._server.timestamps()
        for cid in await self._client.confirmations():
            if cid not in timestamps:
                continue
            bucket, _, name = cid.partition("/")
            try:
                # No request when the stored timestamp is the same, but it is confirmed, and an old signature renewed.
                event = await self._client.sync(name, bucket=bucket, expected=timestamps[cid])
            except ModelDenError as error:
                faults.append(error)
                continue
            if event:
                events.append(event)
                self._tabs.post({"source": self._source, **_message(event)})
        if faults:
            raise faults[0]
        return events

    async def _run(self) -> None:
        while True:
            await self._wait(self._clock.now() + self._interval)
            try:
                if self._clock.now() >= await self._due():
                    await self.poll()
                    await self._attachments.prune()  # when Firefox does: after its daily poll
            except ModelDenError as error:
                logger.warning("Remote Settings could not be polled: %s", error)

    async def _wait(self, until: float) -> None:
        """Wait for a time; timers of hidden pages sleep, so becoming visible looks at the clock too."""
        while (left := until - self._clock.now()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left / 1000):
                    await self._wake.wait()

    async def _due(self) -> float:
        """Return when something stored will be old. A poll confirms all of it: in another tab as well as here."""
        return min((await self._client.confirmations()).values(), default=math.inf) + self._interval

    def _heard(self, message: dict[str, Any]) -> None:
        # A tab may be configured for another server, or not verify.
        if message.get("source") == self._source:
            self._listeners.tell(_event(message))


def _message(event: SyncEvent) -> dict[str, Any]:
    return {
        "collection": event.collection,
        "current": list(event.current),
        "created": list(event.created),
        "updated": [list(pair) for pair in event.updated],
        "deleted": list(event.deleted),
    }


def _event(message: dict[str, Any]) -> SyncEvent:
    return SyncEvent(
        message["collection"],
        tuple(message["current"]),
        tuple(message["created"]),
        tuple((old, new) for old, new in message["updated"]),
        tuple(message["deleted"]),
    )
