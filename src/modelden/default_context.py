"""The page's one configuration and its one `Context`, which is created when it is first needed.

Modules are imported in three steps, each when it is needed:

1. `_js.last_worker` with little else: start the worker of the last visit's engine. Meanwhile the browser returns the
   bytecode that an earlier visit stored: Python has to compile modules that are imported without it.
2. `REQUEST_MODULES`: check the request for an engine.
3. `CONTEXT_MODULES`: the context.

Downloaders are imported with the first download (`hub.download`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelden.config import Configuration
    from modelden.context import Context
    from modelden.core.events import Events
    from modelden.hub.store.reservations import Reservations
    from modelden.ports import Suspender
    from modelden.settings.listeners import SyncListeners

REQUEST_MODULES = (
    "modelden.core.arguments",
    "modelden.core.shown_progress",
    "modelden.engine_request",
    "modelden.engine.options",
    "modelden.hub.catalog.names",
    "modelden.engine.model_selection",
    "modelden.config",
)
"""Modules that check the request for an engine, dependencies first."""

CONTEXT_MODULES = (
    "modelden.ports",
    "modelden._js.indexeddb",
    "modelden.engine.runtime_selection",
    "modelden.settings.store",
    "modelden._js.model_worker",
    "modelden._js.engine_host",
    "modelden.settings.client",
    "modelden.settings.service",
    "modelden.core.storage_fallback",
    "modelden.hub.catalog.allow_list",
    "modelden.hub.store.records",
    "modelden.hub.store.contents",
    "modelden.hub.store.usage",
    "modelden.hub.store.cache",
    "modelden.hub.store.store",
    "modelden.hub.download.branch_update",
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
"""All other modules of a `Context`."""


class Page:
    """The state of this page: the configuration in force, and the parts that start before the context.

    Attributes:
        config: The configuration; None for the default.
        context: The context of the configuration; None until it is needed.
        last_worker: Done when the worker of the last visit's engine has started, or could not be; None before the first
            engine.
        restored_bytecode: Done when the bytecode of an earlier visit is there.
        stored_bytecode: Done when the bytecode of this visit is stored.
        complete: True in a memory snapshot, which has all modules and needs no bytecode of them.
    """

    def __init__(self) -> None:
        self.config: Configuration | None = None
        self.context: Context | None = None
        self.last_worker: asyncio.Task[None] | None = None
        self.restored_bytecode: asyncio.Future[None] | None = None
        self.stored_bytecode: asyncio.Future[None] | None = None
        self.complete = False
        self.lock = asyncio.Lock()


page = Page()


@cache
def sync_listeners() -> SyncListeners:
    """Return the listeners to changes in Remote Settings, which outlive a configuration."""
    from modelden.settings.listeners import SyncListeners

    return SyncListeners()


@cache
def reservations() -> Reservations:
    """Return the reserved space of this page's downloads, which outlives a configuration."""
    from modelden.hub.store.reservations import Reservations

    return Reservations()


@cache
def events() -> Events:
    """Return the listeners of `modelden.on`, which outlive a configuration."""
    from modelden.core.events import Events

    return Events()


def current_config() -> Configuration:
    """Return the configuration in force."""
    from modelden.config import Configuration

    return page.config or Configuration()


def replace_config(config: Configuration) -> None:
    """Put another configuration in force and close the context of the last one."""
    if page.context is not None:
        page.context.close()
    end_last_worker()
    page.config, page.context = config, None


async def current_context() -> Context:
    """Return the context of the configuration in force.

    Raises:
        NotInBrowser: Outside Pyodide.
    """
    async with page.lock:
        if page.context is None:
            page.context = await _create_context()
        return page.context


async def show_models_element(element: Any) -> None:
    """Replace the content of an element of the page by the list of models; errors as `modelden.models`."""
    from modelden._js.models_element import show_element

    await show_element(element, current_config().worker_url)


def restore_bytecode() -> None:
    """Start to read the bytecode that an earlier visit stored. Returns at once."""
    if not page.complete and page.restored_bytecode is None and _in_browser():
        from modelden._js import bytecode_cache

        page.restored_bytecode = bytecode_cache.load()


def store_bytecode() -> None:
    """Start to store the bytecode of this visit for the next one. Returns at once."""
    if not page.complete and page.stored_bytecode is None:
        from modelden._js import bytecode_cache
        from modelden.core.event_loop import BackgroundTasks

        page.stored_bytecode = BackgroundTasks().start(bytecode_cache.save(), "store the bytecode")


async def import_for_request() -> None:
    """Import the modules that check the request for an engine."""
    await _wait_for_bytecode()  # without it this visit would compile the modules, and so would all later ones
    await _import_staged(REQUEST_MODULES)


async def start_last_worker() -> None:
    """Start the worker of the last visit's engine, in the first call of a page.

    `end_last_worker` ends it if there will be no engine; `Context.create_engine` ends it if the engine needs another
    one.
    """
    if not _in_browser() or page.context is not None:
        return
    if page.last_worker is None:
        from modelden._js import last_worker

        page.last_worker = asyncio.ensure_future(last_worker.start_last_worker(current_config()))
    await asyncio.wait([page.last_worker])  # which configure() may cancel


def end_last_worker() -> None:
    """End the worker that `start_last_worker` started, unless an engine took it."""
    if page.last_worker is not None:
        from modelden._js import early_worker

        page.last_worker.cancel()
        page.last_worker = None
        early_worker.end()


def suspender() -> Suspender | None:
    """Return the port that suspends Python in synchronous calls; None outside Pyodide."""
    if not _in_browser():
        return None
    from modelden._js.suspender import JsSuspender

    return JsSuspender()


async def _create_context() -> Context:
    if not _in_browser():
        from modelden.errors import NotInBrowser

        raise NotInBrowser(
            "Engines run in a browser: load modelden in Pyodide, PyScript or JupyterLite. "
            "On this Python it can only be imported."
        )
    await _wait_for_bytecode()
    await _import_staged(CONTEXT_MODULES)
    from modelden._js.connection import connect
    from modelden._js.worker_scripts import load_bundles
    from modelden.context import Context

    config = current_config()
    return Context(config, connect(config), load_bundles(), sync_listeners(), events(), reservations())


async def _import_staged(names: Sequence[str]) -> None:
    from modelden.core.event_loop import import_staged  # with its bytecode

    await import_staged(names)


async def _wait_for_bytecode() -> None:
    restore_bytecode()
    if page.restored_bytecode is not None:
        await asyncio.shield(page.restored_bytecode)


def _in_browser() -> bool:
    return "_pyodide" in sys.modules
