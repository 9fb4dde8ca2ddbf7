"""The one configuration of a page, and the `Den` that serves it, made when it is first needed."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from modelden.errors import NotInBrowser
from modelden.events import Events
from modelden.settings.listeners import SyncListeners

if TYPE_CHECKING:
    from modelden.config import Configuration
    from modelden.den import Den
    from modelden.ports import Suspender

_PIECES = (
    "urllib.parse",
    "hashlib",
    "modelden.config",
    "modelden.settings.client",
    "modelden.settings.service",
    "modelden.hub.allow_list",
    "modelden.hub.partials",
    "modelden.hub.cache",
    "modelden.hub.transfer",
    "modelden.hub.room",
    "modelden.hub.importing",
    "modelden.hub.model_hub",
    "modelden.engine.options",
    "modelden.engine.guard",
    "modelden.loading.loader",
    "modelden.loading.source",
    "modelden.loading.sessions",
    "modelden.den",
    "importlib.resources",
    "modelden._js.worker",
    "modelden._js.database",
    "modelden._js.media",
    "modelden._js.session_host",
    "modelden._js.connection",
)
"""What a `Den` needs, in the order of who needs whom. In one go it would keep a page busy for a tenth of a second."""


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


async def current_den() -> Den:
    """Return what serves the configuration in force.

    Raises:
        NotInBrowser: Outside Pyodide.
    """
    async with _Current.opening:
        if _Current.den is None:
            _Current.den = await _open_den()
        return _Current.den


def suspender() -> Suspender | None:
    """Return what waits in calls that are not async, None outside Pyodide."""
    if "_pyodide" not in sys.modules:
        return None
    from modelden._js.suspender import JsSuspender

    return JsSuspender()


async def _open_den() -> Den:
    if "_pyodide" not in sys.modules:
        raise NotInBrowser(
            "Engines run in a browser: load modelden in Pyodide, PyScript or JupyterLite. "
            "On this Python it can only be imported."
        )
    for name in _PIECES:
        import_module(name)
        await asyncio.sleep(0)  # the page's turn
    from modelden._js.connection import connect, load_bundles
    from modelden.den import Den

    config = current_config()
    return Den(config, connect(config), load_bundles(), listeners(), events())
