"""The one configuration of a page, and the `Den` that serves it, made when it is first needed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from modelden.errors import NotInBrowser

if TYPE_CHECKING:
    from modelden._js.database import JsDatabases
    from modelden._js.engine_host import JsEngineHost
    from modelden.config import Configuration
    from modelden.den import Den
    from modelden.events import Events
    from modelden.ports import Suspender
    from modelden.settings.listeners import SyncListeners

_FIRST = (
    "modelden.ports",
    "modelden.engine.runtime",
    "modelden._js.database",
    "modelden._js.engine_host",
    "modelden.loading.ahead",
)
"""What starts an engine's worker."""

_REQUEST = (
    "modelden.engine.options",
    "modelden.hub.names",
    "modelden.engine.choice",
    "modelden.config",
)
"""What checks the request for an engine, in the order of who needs whom."""

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
    "modelden.hub.remote_list",
    "modelden.hub.fetching",
    "modelden.hub.importing",
    "modelden.hub.model_hub",
    "modelden.engine.history",
    "modelden.engine.guard",
    "modelden.loading.loader",
    "modelden.loading.source",
    "modelden.engine.session",
    "modelden.den",
    "modelden._js.session_host",
    "modelden._js.connection",
)
"""What a `Den` needs besides."""


class _Current:
    """What is in force."""

    config: Configuration | None = None
    den: Den | None = None
    opening = asyncio.Lock()
    begun: tuple[JsDatabases, JsEngineHost] | None = None
    has_restored = False
    keeping: asyncio.Future[None] | None = None


@cache
def listeners() -> SyncListeners:
    """Return who wants to know of changes in Remote Settings, whatever the configuration."""
    from modelden.settings.listeners import SyncListeners

    return SyncListeners()


@cache
def events() -> Events:
    """Return who wants to know what happens, whatever the configuration."""
    from modelden.events import Events

    return Events()


def current_config() -> Configuration:
    """Return the configuration in force."""
    from modelden.config import Configuration

    return _Current.config or Configuration()


def replace_config(config: Configuration) -> None:
    """Put another configuration in force."""
    if _Current.den is not None:
        _Current.den.close()
    end_beginning()
    _Current.config, _Current.den = config, None


async def current_den() -> Den:
    """Return what serves the configuration in force.

    Raises:
        NotInBrowser: Outside Pyodide.
    """
    async with _Current.opening:
        if _Current.den is None:
            _Current.den = await _open_den()
        return _Current.den


async def import_for_request() -> None:
    """Import what checks the request for an engine. In one go it would keep a page busy for a tenth of a second."""
    await _import(_REQUEST)


async def begin_engine() -> None:
    """Start the worker of the engine that will be asked for: in a page's first call, if an earlier visit tells which.

    `end_beginning` ends it if there is to be no engine, `Den.create_engine` if it wants another one.
    """
    async with _Current.opening:
        if _in_browser() and _Current.den is None and _Current.begun is None:
            begun = await _begun()
            await _start_ahead(*begun)
            if _Current.begun is not begun:  # another configuration came meanwhile
                _, engines = begun
                engines.end_ahead()


def end_beginning() -> None:
    """End the worker that `begin_engine` started, if nobody has taken it."""
    if _Current.begun is not None:
        _, engines = _Current.begun
        engines.end_ahead()
        _Current.begun = None


def keep_bytecode() -> None:
    """Spare the next visit what Python compiled for this one; nothing waits for it."""
    if _Current.keeping is None:
        from modelden._js import bytecode

        _Current.keeping = asyncio.ensure_future(bytecode.keep())


def suspender() -> Suspender | None:
    """Return what waits in calls that are not async, None outside Pyodide."""
    if not _in_browser():
        return None
    from modelden._js.suspender import JsSuspender

    return JsSuspender()


async def _open_den() -> Den:
    if not _in_browser():
        raise NotInBrowser(
            "Engines run in a browser: load modelden in Pyodide, PyScript or JupyterLite. "
            "On this Python it can only be imported."
        )
    await _begun()
    await _import(_REST)
    from modelden._js.connection import connect
    from modelden._js.worker_scripts import load_bundles
    from modelden.den import Den

    databases, engines = await _begun()  # again: another configuration may have come meanwhile
    _Current.begun = None
    config = current_config()
    return Den(config, connect(config, databases, engines), load_bundles(), listeners(), events())


async def _begun() -> tuple[JsDatabases, JsEngineHost]:
    """Return what a `Den` is made of that may be at work before it."""
    if _Current.begun is None:
        if not _Current.has_restored:
            from modelden._js import bytecode

            _Current.has_restored = True
            await bytecode.restore()
        await _import(_FIRST)
        from modelden._js.database import JsDatabases
        from modelden._js.engine_host import JsEngineHost

        config = current_config()
        _Current.begun = JsDatabases(), JsEngineHost(config.start_timeout, config.worker_url)
    return _Current.begun


async def _start_ahead(databases: JsDatabases, engines: JsEngineHost) -> None:
    from modelden._js.worker_scripts import load_bundles
    from modelden.loading.ahead import start_ahead

    # Not beside imports: each answer of a database would wait for one of them.
    await start_ahead(current_config(), load_bundles(), databases, engines)


async def _import(names: Sequence[str]) -> None:
    """Import modules one after the other, and let the page have its turn in between."""
    for name in names:
        import_module(name)
        await asyncio.sleep(0)


def _in_browser() -> bool:
    return "_pyodide" in sys.modules
