"""The connection of the core's ports to the browser's adapters."""

from __future__ import annotations

from modelden._js.blobs import JsBlobs
from modelden._js.broadcast import JsTabs
from modelden._js.engine_host import JsEngineHost
from modelden._js.fetch import JsFetcher
from modelden._js.indexeddb import JsDatabases
from modelden._js.page import JsPage
from modelden._js.session_host import JsSessionHost
from modelden._js.suspender import JsSuspender
from modelden._js.timers import JsClock, JsTimers
from modelden._js.trust import JsCrypto, JsExpressions, TrustWorker
from modelden._js.vector_host import JsVectorHost
from modelden._js.web_locks import JsPresence, connect_locks
from modelden.config import Configuration
from modelden.ports import Ports

_PRESENCE = JsPresence()
"""One for the page, whatever the configuration: its lock is held until the page ends."""


def connect(config: Configuration) -> Ports:
    """Return the browser behind the core's ports."""
    trust = TrustWorker(config.worker_url)
    return Ports(
        fetcher=JsFetcher(config.idle_timeout),
        databases=JsDatabases(),
        blobs=JsBlobs(),
        crypto=JsCrypto(trust),
        engines=JsEngineHost(config.start_timeout, config.worker_url, offline=config.offline),
        sessions=JsSessionHost(config.start_timeout, config.worker_url),
        expressions=JsExpressions(trust),
        tabs=JsTabs(),
        page=JsPage(config.worker_url),
        locks=connect_locks(),
        presence=_PRESENCE,
        suspender=JsSuspender(),
        timers=JsTimers(),
        clock=JsClock(),
        vectors=JsVectorHost(config.worker_url),
    )
