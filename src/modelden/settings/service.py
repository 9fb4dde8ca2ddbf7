"""`SettingsService`: the parts of Remote Settings for one configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from modelden.config import Configuration
from modelden.core.events import DownloadEvents
from modelden.core.idle_timeout import IdleTimeoutFetcher
from modelden.ports import Ports
from modelden.settings.attachment_store import AttachmentStore
from modelden.settings.attachments import Attachments
from modelden.settings.backoff import Backoff
from modelden.settings.client import SettingsClient
from modelden.settings.listeners import SyncListeners
from modelden.settings.poll import Poller
from modelden.settings.record_filter import ExpressionFilter
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier
from modelden.settings.store import SettingsStore


@dataclass(frozen=True, slots=True)
class SettingsService:
    """Remote Settings for one configuration.

    Attributes:
        client: Collections.
        attachments: Files of their records.
        poller: Updates of the stored collections while the page is open.
    """

    client: SettingsClient
    attachments: Attachments
    poller: Poller

    @classmethod
    async def open(
        cls, config: Configuration, ports: Ports, listeners: SyncListeners, downloads: DownloadEvents
    ) -> Self:
        """Open the database. Polling begins with `start`.

        Args:
            config: The server and whom to trust.
            ports: The browser.
            listeners: Listeners to the changes that syncs find.
            downloads: Events of downloaded attachments.

        Raises:
            StorageUnavailable: If the browser gives this page no IndexedDB.
        """
        database = await ports.databases.open(REMOTE_SETTINGS)
        fetcher = IdleTimeoutFetcher(ports.fetcher, config.idle_timeout)
        server = SettingsServer(config.settings_server, fetcher, Backoff(config.settings_server, database, ports.clock))
        store = SettingsStore(database, config.trust_source)
        verifier = SignatureVerifier(config, fetcher, ports.crypto, ports.clock)
        environment = {**ports.page.environment(), **config.filter_environment}
        expressions = ExpressionFilter(ports.expressions, environment)
        client = SettingsClient(config, server, verifier, store, expressions, listeners, ports.clock)
        attachments = Attachments(server, AttachmentStore(database), fetcher, ports.blobs, downloads)
        poller = Poller(client, attachments, server, listeners, ports.tabs, ports.page, config, ports.clock)
        return cls(client, attachments, poller)

    def start(self) -> None:
        """Start polling."""
        self.poller.start()

    def close(self) -> None:
        """Stop polling for good. Collections and attachments can still be read."""
        self.poller.close()
