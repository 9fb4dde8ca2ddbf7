"""A browser profile in memory. Its databases stay; each `visit` is a page that knows nothing but them."""

from __future__ import annotations

import asyncio
from typing import Any

from modelden._js.page_locks import PageLocks
from modelden.config import Configuration
from modelden.context import Context
from modelden.core.events import Events
from modelden.engine.runtime_selection import Bundle
from modelden.engine.schema import MODELDEN
from modelden.host.keys.crypto import HostCrypto
from modelden.hub.store.schema import MODEL_FILES
from modelden.ports import Crypto, Ports
from modelden.settings.listeners import SyncListeners
from modelden.settings.schema import REMOTE_SETTINGS
from tests.simulators.blobs import MemoryBlobs
from tests.simulators.chaos import Chaos
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase, MemoryDatabases
from tests.simulators.engines import ScriptedEngines, ScriptedSessions
from tests.simulators.fetcher import PageFetcher
from tests.simulators.surroundings import MemoryPresence, MemoryTabs, ScriptedExpressions, ScriptedPage, ThreadSuspender
from tests.simulators.timers import ManualTimers
from tests.simulators.vectors import MemoryVectorHost


class Profile:
    """One profile, whose pages reach the network by one fetcher."""

    def __init__(self, config: Configuration, fetcher: PageFetcher, bundle: Bundle, engines: ScriptedEngines) -> None:
        self.config = config
        self.fetcher = fetcher
        self.bundle = bundle
        self.engines = engines
        self.databases = MemoryDatabases()
        self.clock = ManualClock()
        self.expressions = ScriptedExpressions()
        self.sessions = ScriptedSessions()
        self.vectors = MemoryVectorHost()
        self.tabs = MemoryTabs()
        self.page = ScriptedPage()
        self.page.stored = self.databases.bytes_of_models
        self.locks = PageLocks()
        self.presence = MemoryPresence()
        self.suspender = ThreadSuspender()
        self.timers = ManualTimers(self.clock)
        self.events = Events()
        self.chaos: Chaos | None = None
        """Suspends and refuses; None for ports that always succeed."""
        self.crypto: Crypto = HostCrypto()
        self.lost: list[asyncio.Future[Any]] = []
        """What went on in pages that were killed."""
        self._contexts: list[Context] = []

    def visit(self, config: Configuration | None = None, listeners: SyncListeners | None = None) -> Context:
        """Load a page, with the profile's configuration or another one."""
        self.fetcher.idle_timeout = (config or self.config).idle_timeout
        ports = Ports(
            fetcher=self.fetcher,
            databases=self.databases,
            blobs=MemoryBlobs(),
            crypto=self.crypto,
            engines=self.engines,
            sessions=self.sessions,
            expressions=self.expressions,
            tabs=self.tabs.other(),
            page=self.page,
            locks=self.locks,
            presence=self.presence.other(),
            suspender=self.suspender,
            timers=self.timers,
            clock=self.clock,
            vectors=self.vectors,
        )
        ports = ports if self.chaos is None else self.chaos.ports(ports)
        self._contexts.append(
            Context(config or self.config, ports, (self.bundle,), listeners or SyncListeners(), self.events)
        )
        return self._contexts[-1]

    def close_pages(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()

    async def close(self) -> None:
        """Close all pages, and their connections."""
        self.close_pages()
        for task in self.lost:
            task.cancel()
        await self.fetcher.close()

    def requests(self) -> list[str]:
        """The requests since the last call, ``METHOD path?query`` in order."""
        asked = list(self.fetcher.requests)
        self.fetcher.requests.clear()
        return asked

    async def fill(self, schema: str, *, full: bool = True) -> None:
        """Let a database refuse every write, or take writes again."""
        (await self.database(schema)).full = full

    async def database(self, name: str) -> MemoryDatabase:
        """The database of this name, opened if it is not there yet."""
        return await self.databases.open(
            {schema.name: schema for schema in (MODELDEN, MODEL_FILES, REMOTE_SETTINGS)}[name]
        )
