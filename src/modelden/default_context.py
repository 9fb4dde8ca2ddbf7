"""The one configuration of a page, and the `Context` that serves it, made when it is first needed."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from typing import TYPE_CHECKING

from modelden.core.staged_imports import import_staged

if TYPE_CHECKING:
    from modelden._js.engine_host import JsEngineHost
    from modelden._js.indexeddb import JsDatabases
    from modelden.config import Configuration
    from modelden.context import Context
    from modelden.core.events import Events
    from modelden.ports import Suspender
    from modelden.settings.listeners import SyncListeners

_MEMORY = (
    "modelden.ports",
    "modelden.config",
    "modelden._js.indexeddb",
    "modelden.engine.runtime_selection",
    "modelden._js.worker_scripts",
    "modelden.loading.prewarm",
)
"""What finds out which engine an earlier visit had."""

_WORKERS = (
    "modelden._js.model_worker",
    "modelden._js.engine_host",
)
"""What starts an engine's worker."""

_REQUEST = (
    "modelden.engine.options",
    "modelden.hub.catalog.names",
    "modelden.engine.model_selection",
    "modelden.config",
)
"""What checks the request for an engine, in the order of who needs whom."""

_REST = (
    "modelden.settings.store",
    "modelden.settings.client",
    "modelden.settings.service",
    "modelden.core.storage_fallback",
    "modelden.hub.catalog.allow_list",
    "modelden.hub.store.partials",
    "modelden.hub.begun",
    "modelden.hub.store.records",
    "modelden.hub.store.usage",
    "modelden.hub.store.cache",
    "modelden.hub.store.quota",
    "modelden.hub.download.freshness",
    "modelden.hub.files",
    "modelden.engine.history",
    "modelden.engine.memory_guard",
    "modelden.loading.engine_loader",
    "modelden.loading.update_fallback",
    "modelden.engine.engine_runner",
    "modelden.context",
    "modelden._js.session_host",
    "modelden._js.connection",
)
"""What a `Context` needs besides."""


class _Current:
    """What is in force."""

    config: Configuration | None = None
    den: Context | None = None
    opening = asyncio.Lock()
    begun: tuple[JsDatabases, JsEngineHost] | None = None
    restoring: asyncio.Future[None] | None = None
    keeping: asyncio.Future[None] | None = None


@cache
def listeners() -> SyncListeners:
    """Return who wants to know of changes in Remote Settings, whatever the configuration."""
    from modelden.settings.listeners import SyncListeners

    return SyncListeners()


@cache
def events() -> Events:
    """Return who wants to know what happens, whatever the configuration."""
    from modelden.core.events import Events

    return Events()


def current_config() -> Configuration:
    """Return the configuration in force."""
    from modelden.config import Configuration

    return _Current.config or Configuration()


def begin_restoring() -> None:
    """Have the browser look for what Python compiled on an earlier visit; imports need not wait for it."""
    if _Current.restoring is None and _in_browser():
        from modelden._js import bytecode_cache

        _Current.restoring = bytecode_cache.restore()


def replace_config(config: Configuration) -> None:
    """Put another configuration in force."""
    if _Current.den is not None:
        _Current.den.close()
    end_beginning()
    _Current.config, _Current.den = config, None


async def current_den() -> Context:
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
    await _restored()  # or this visit would compile it, as would all later ones
    await import_staged(_REQUEST)


async def begin_engine() -> None:
    """Start the worker of the engine that will be asked for: in a page's first call, if an earlier visit tells which.

    `end_beginning` ends it if there is to be no engine, `Context.create_engine` if it wants another one.
    """
    async with _Current.opening:
        if _in_browser() and _Current.den is None and _Current.begun is None:
            await _restored()
            await import_staged(_MEMORY)
            from modelden._js.indexeddb import JsDatabases
            from modelden._js.worker_scripts import load_bundles
            from modelden.loading.prewarm import prewarm

            engines = asyncio.ensure_future(_engine_host())
            await prewarm(current_config(), load_bundles(), JsDatabases(), engines)
            if not _is_current(await engines):  # another configuration came meanwhile
                engines.result().end_prewarm()


def end_beginning() -> None:
    """End the worker that `begin_engine` started, if nobody has taken it."""
    if _Current.begun is not None:
        _, engines = _Current.begun
        engines.end_prewarm()
        _Current.begun = None


def keep_bytecode() -> None:
    """Spare the next visit what Python compiled for this one; nothing waits for it."""
    if _Current.keeping is None:
        from modelden._js import bytecode_cache

        _Current.keeping = asyncio.ensure_future(bytecode_cache.keep())


def suspender() -> Suspender | None:
    """Return what waits in calls that are not async, None outside Pyodide."""
    if not _in_browser():
        return None
    from modelden._js.suspender import JsSuspender

    return JsSuspender()


async def _open_den() -> Context:
    if not _in_browser():
        from modelden.errors import NotInBrowser

        raise NotInBrowser(
            "Engines run in a browser: load modelden in Pyodide, PyScript or JupyterLite. "
            "On this Python it can only be imported."
        )
    await _begun()
    await import_staged(_REST)
    from modelden._js.connection import connect
    from modelden._js.worker_scripts import load_bundles
    from modelden.context import Context

    databases, engines = await _begun()  # again: another configuration may have come meanwhile
    _Current.begun = None
    config = current_config()
    return Context(config, connect(config, databases, engines), load_bundles(), listeners(), events())


async def _begun() -> tuple[JsDatabases, JsEngineHost]:
    """Return what a `Context` is made of that may be at work before it."""
    await _restored()
    await import_staged(_MEMORY)
    await import_staged(_WORKERS)
    if _Current.begun is None:
        from modelden._js.engine_host import JsEngineHost
        from modelden._js.indexeddb import JsDatabases

        config = current_config()
        _Current.begun = JsDatabases(), JsEngineHost(config.start_timeout, config.worker_url)
    return _Current.begun


async def _restored() -> None:
    begin_restoring()
    if _Current.restoring is not None:
        await asyncio.shield(_Current.restoring)


async def _engine_host() -> JsEngineHost:
    _, engines = await _begun()
    return engines


def _is_current(engines: JsEngineHost) -> bool:
    return _Current.begun is not None and _Current.begun[1] is engines


def _in_browser() -> bool:
    return "_pyodide" in sys.modules
