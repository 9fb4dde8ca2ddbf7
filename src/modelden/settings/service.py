"""`SettingsService`: the parts of Remote Settings for one configuration."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from modelden.config import Configuration
from modelden.core.events import DownloadEvents, EventEmitter
from modelden.ports import Database, Ports
from modelden.settings.attachment_store import AttachmentStore
from modelden.settings.attachments import Attachments
from modelden.settings.client import SettingsClient
from modelden.settings.listeners import SyncListeners
from modelden.settings.poll import Poller
from modelden.settings.records import ExpressionFilter
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.store import SettingsStore

if TYPE_CHECKING:
    from modelden.settings.server import SettingsServer
    from modelden.settings.sync import CollectionSync


class SettingsService:
    """Remote Settings for one configuration.

    Attributes:
        client: Collections.
        attachments: Files of their records.
        poller: Updates of the stored collections while the page is open.
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
        self._store = SettingsStore(database, trust_source)
        expressions = ExpressionFilter(ports.expressions, self._environment)
        self._emitter = emitter = EventEmitter(downloads.events, None)
        self.client = SettingsClient(
            config, lambda: self._sync, self._store, expressions, listeners, emitter, ports.clock
        )
        self.attachments = Attachments(
            lambda: self._server, AttachmentStore(database), ports.fetcher, ports.blobs, downloads
        )
        self.poller = Poller(
            self.client,
            self.attachments,
            lambda: self._server,
            listeners,
            emitter,
            ports,
            trust_source,
            config.poll_interval,
        )

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
        """Start polling."""
        self.poller.start()

    def close(self) -> None:
        """Stop polling for good. Collections and attachments can still be read."""
        self.poller.close()

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
