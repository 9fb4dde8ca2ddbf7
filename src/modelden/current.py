"""The one configuration of a page, and the `Den` that serves it, made when it is first needed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from modelden.errors import NotInBrowser
from modelden.events import Events
from modelden.settings.listeners import SyncListeners

if TYPE_CHECKING:
    from modelden.config import Configuration
    from modelden.den import Den
    from modelden.ports import Suspender

_REQUEST = (
    "ipaddress",
    "urllib.parse",
    "modelden.engine.options",
    "modelden.hub.names",
    "modelden.engine.choice",
    "modelden.config",
)
"""What checks the request for an engine, in the order of who needs whom."""

_FIRST = (
    "modelden.ports",
    "modelden.engine.runtime",
    "modelden.engine.history",
    "modelden._js.database",
    "modelden._js.engine_host",
    "modelden.loading.ahead",
)
"""What starts an engine's worker."""

_REST = (
    "hashlib",
    "modelden.settings.store",
    "modelden.settings.client",
    "modelden.settings.service",
    "modelden.in_memory",
    "modelden.hub.allow_list",
    "modelden.hub.body",
    "modelden.hub.cache",
    "modelden.hub.transfer",
    "modelden.hub.room",
    "modelden.hub.known",
    "modelden.hub.importing",
    "modelden.hub.model_hub",
    "modelden.engine.guard",
    "modelden.loading.loader",
    "modelden.loading.source",
    "modelden.engine.session",
    "modelden.den",
    "modelden._js.connection",
)
"""What a `Den` needs besides."""


class _Current:
    """What is in force."""

    config: Configuration | None = None
    den: Den | None = None
    opening = asyncio.Lock()
    listeners = SyncListeners()
    events = Events()


def listeners() -> SyncListeners:
    """Return who wants to know of changes in Remote Settings, whatever the configuration."""
    return _Current.listeners


def events() -> Events:
    """Return who wants to know what happens, whatever the configuration."""
    return _Current.events


def current_config() -> Configuration:
    """Return the configuration in force."""
    from modelden.config import Configuration

    return _Current.config or Configuration()


def replace_config(config: Configuration) -> None:
    """Put another configuration in force."""
    if _Current.den is not None:
        _Current.den.close()
    _Current.config, _Current.den = config, None


async def current_den(*, for_engine: bool = False) -> Den:
    """Return what serves the configuration in force.

    Args:
        for_engine: An engine will be asked for: its worker may start now, if this is the first call.

    Raises:
        NotInBrowser: Outside Pyodide.
    """
    async with _Current.opening:
        if _Current.den is None:
            _Current.den = await _open_den(for_engine=for_engine)
        return _Current.den


async def import_for_request() -> None:
    """Import what checks the request for an engine. In one go it would keep a page busy for a tenth of a second."""
    await _import(_REQUEST)


def suspender() -> Suspender | None:
    """Return what waits in calls that are not async, None outside Pyodide."""
    if "_pyodide" not in sys.modules:
        return None
    from modelden._js.suspender import JsSuspender

    return JsSuspender()


async def _open_den(*, for_engine: bool) -> Den:
    if "_pyodide" not in sys.modules:
        raise NotInBrowser(
            "Engines run in a browser: load modelden in Pyodide, PyScript or JupyterLite. "
            "On this Python it can only be imported."
        )
    await _import(_FIRST)
    from modelden._js.clock import JsClock
    from modelden._js.database import JsDatabases
    from modelden._js.engine_host import JsEngineHost
    from modelden._js.worker_scripts import load_bundles
    from modelden.loading.ahead import start_ahead

    config, bundles = current_config(), load_bundles()
    databases, engines = JsDatabases(), JsEngineHost(config.start_timeout, config.worker_url)
    try:
        if for_engine:
            # Not beside the imports: each answer of a database would wait for one of them.
            await start_ahead(config, bundles, databases, engines, JsClock())
        await _import(_REST)
    except BaseException:
        engines.end_ahead()
        raise
    from modelden._js.connection import connect
    from modelden.den import Den

    return Den(config, connect(config, databases, engines), bundles, listeners(), events())


async def _import(names: Sequence[str]) -> None:
    """Import modules one after the other, and let the page have its turn in between."""
    for name in names:
        import_module(name)
        await asyncio.sleep(0)
