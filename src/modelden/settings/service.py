"""Remote Settings for one configuration, polled while a page is open: once a day, by one of the tabs.

Source: Firefox ``remote-settings.sys.mjs`` (``pollChanges``): one request lists the changes, and only changed
collections are synced. Two things are ours: a page that becomes visible after more than a day polls at once, and a poll
notifies the other tabs.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from modelden.config import Configuration
from modelden.core.age import age
from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import DownloadEvents, EventEmitter
from modelden.errors import ModelDenError, SignatureError
from modelden.ports import Database, Ports
from modelden.settings.attachments import Attachments
from modelden.settings.changeset import SyncEvent
from modelden.settings.client import SettingsClient
from modelden.settings.listeners import SyncListeners
from modelden.settings.records import ExpressionFilter
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.store import AttachmentStore, SettingsStore

if TYPE_CHECKING:
    from modelden.settings.server import SettingsServer
    from modelden.settings.sync import CollectionSync

logger = logging.getLogger(__name__)


class SettingsService:
    """Remote Settings for one configuration.

    Attributes:
        client: Collections.
        attachments: Files of their records.
    """

    def __init__(
        self,
        config: Configuration,
        trust_source: str,
        ports: Ports,
        database: Database,
        listeners: SyncListeners,
        downloads: DownloadEvents,
    ) -> None:
        """Create the parts over an open database; `open` opens it."""
        self._config = config
        self._ports = ports
        self._database = database
        self._store, attachment_store = SettingsStore(database, trust_source), AttachmentStore(database)
        expressions = ExpressionFilter(ports.expressions, self._environment)
        self._emitter = emitter = EventEmitter(downloads.events, None)
        self.client = SettingsClient(
            config, lambda: self._sync, self._store, expressions, listeners, emitter, ports.clock
        )
        self.attachments = Attachments(lambda: self._server, attachment_store, ports.fetcher, ports.blobs, downloads)
        self._listeners = listeners
        self._trust_source = trust_source
        self._interval = config.poll_interval * 1000
        self._tasks = BackgroundTasks()
        self._wake = asyncio.Event()
        self._started = self._closed = False

    @classmethod
    async def open(
        cls,
        config: Configuration,
        trust_source: str,
        ports: Ports,
        listeners: SyncListeners,
        downloads: DownloadEvents,
    ) -> Self:
        """Open the database. Polling begins with `start`.

        Args:
            config: The server and whom to trust.
            trust_source: `Configuration.trust_source`, the key of what is stored.
            ports: The browser.
            listeners: Listeners to the changes that syncs find.
            downloads: Events of downloaded attachments.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        return cls(config, trust_source, ports, await ports.databases.open(REMOTE_SETTINGS), listeners, downloads)

    def start(self) -> None:
        """Start polling, and receive the changes that other tabs find. Does nothing if it was started or closed."""
        if self._started or self._closed:
            return
        self._started = True
        self._ports.tabs.listen(self._on_message)
        self._ports.page.on_visible(self._wake.set)
        self._tasks.start(self._run(), "poll Remote Settings")

    def close(self) -> None:
        """Stop polling, a poll that is under way too, and notify nobody any more. Reading goes on."""
        self._closed = True
        self._tasks.cancel()
        if self._started:
            self._started = False
            self._ports.tabs.close()
            self._ports.page.close()

    async def poll(self) -> list[SyncEvent]:
        """Ask once which collections changed, and sync those.

        Returns:
            The changes of each collection.

        Raises:
            SignatureError: If a collection is not signed as configured. The others are synced all the same.
            UnavailableError: If the server cannot be reached or understood.
        """
        events, errors = [], []
        timestamps = await self._server.timestamps()
        for cid in await self.client.confirmations():
            if cid not in timestamps:
                continue
            bucket, _, name = cid.partition("/")
            try:
                # For an unchanged timestamp, sync() sends no request: it confirms, and renews an old signature.
                event = await self.client.sync(name, bucket=bucket, expected=timestamps[cid])
            except ModelDenError as error:
                errors.append(error)
                continue
            if event:
                events.append(event)
                self._notify_tabs(event)
        if errors:
            raise errors[0]
        return events

    def _environment(self) -> dict[str, Any]:
        from modelden.settings.environment import filter_environment  # most collections have no expressions

        return filter_environment(self._ports.page.environment(), self._config.filter_environment)

    @cached_property
    def _server(self) -> SettingsServer:
        from modelden.settings.backoff import Backoff
        from modelden.settings.server import SettingsServer

        url = self._config.settings_server
        backoff = Backoff(url, self._database, self._ports.clock, self._store.has_collections)
        return SettingsServer(url, self._ports.fetcher, backoff)

    @cached_property
    def _sync(self) -> CollectionSync:
        from modelden.settings.signatures import SignatureVerifier
        from modelden.settings.sync import CollectionSync

        ports = self._ports
        verifier = SignatureVerifier(self._config, self._ports.fetcher, ports.crypto, ports.clock)
        return CollectionSync(self._config, self._server, verifier, self._store, self._emitter, ports.clock)

    def _notify_tabs(self, event: SyncEvent) -> None:
        if not self._closed:
            self._ports.tabs.post({"source": self._trust_source, **_to_message(event)})

    async def _run(self) -> None:
        while True:
            await self._wait()
            try:
                if await self._is_due():
                    await self.poll()
                    await self.attachments.prune()  # after the daily poll, as Firefox does
            except ModelDenError as error:
                logger.warning("Remote Settings could not be polled: %s", error)
                if isinstance(error, SignatureError):
                    self._emitter.emit_error(error, "update")
            except Exception:
                # The next poll may succeed, so polling goes on.
                logger.exception("The poll of Remote Settings failed unexpectedly")

    async def _wait(self) -> None:
        """Wait for the poll interval. Timers of hidden pages sleep, so becoming visible looks at the clock."""
        start, remaining = self._ports.clock.now(), self._interval
        while remaining > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining / 1000):
                    await self._wake.wait()
            remaining = self._interval - age(self._ports.clock.now(), start)

    async def _is_due(self) -> bool:
        """Return True if a collection needs a poll. A poll confirms all of them, in whichever tab it runs."""
        now = self._ports.clock.now()
        confirmations = (await self.client.confirmations()).values()
        return any(age(now, confirmed) >= self._interval for confirmed in confirmations)

    def _on_message(self, message: dict[str, Any]) -> None:
        # A tab may be configured for another server, or verify nothing.
        if self._closed or message.get("source") != self._trust_source:
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
