"""`ports.Locks` over Web Locks: among all pages and workers of the origin, free again when their holder is gone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import js
from pyodide.ffi import create_once_callable

from modelden._js.ffi import abort_scope, js_object
from modelden.core.locks import PageLocks
from modelden.ports import Locks

PREFIX = "modelden "
"""Before the name of each lock: the names are shared with whatever else the origin runs."""

PAGE_PREFIX = "modelden page "
"""Before the id of a page in the name of the lock that it holds."""


def connect_locks() -> Locks:
    """Return the origin's locks; those of this page alone in an insecure context, or a sandboxed frame."""
    has_locks = getattr(js.navigator, "locks", None) and str(js.origin) != "null"
    return JsLocks() if has_locks else PageLocks()


class JsLocks:
    """The origin's locks."""

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        """Wait for the lock and hold it."""
        async with abort_scope() as signal:
            options = js_object(mode="shared" if shared else "exclusive", signal=signal)
            async with _request(name, options):
                yield

    @asynccontextmanager
    async def try_hold(self, name: str) -> AsyncIterator[bool]:
        """Hold the lock if it is free now."""
        async with _request(name, js_object(ifAvailable=True)) as lock:
            yield bool(lock)


@asynccontextmanager
async def _request(name: str, options: Any) -> AsyncIterator[Any]:
    granted, released = js.Promise.withResolvers(), js.Promise.withResolvers()
    called = False

    def hold(lock: Any) -> Any:
        nonlocal called
        called = True
        granted.resolve(lock)
        return released.promise

    callback = create_once_callable(hold)
    # Settles when the lock is free again, or fails when the request is aborted: whoever waited is gone then.
    js.navigator.locks.request(PREFIX + name, options, callback).catch(lambda _: None)
    try:
        yield await granted.promise
    finally:
        released.resolve()
        if not called:
            callback.destroy()


class JsPresence:
    """This page or worker among those of its origin."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._page: str | None = None

    @property
    def page_id(self) -> str:
        """This one's id; from the first question on, it is known to live."""
        if self._page is None:
            self._page = os.urandom(16).hex()
            if _has_locks():
                forever = js.Promise.withResolvers().promise
                js.navigator.locks.request(PAGE_PREFIX + self._page, create_once_callable(lambda _lock: forever))
        return self._page

    async def live_page_ids(self) -> set[str] | None:
        """Return the ids of all that live, or None where nobody can tell."""
        if not _has_locks():
            return None
        locks = await js.navigator.locks.query()
        held = {str(lock.name).removeprefix(PAGE_PREFIX) for lock in locks.held if lock.name.startswith(PAGE_PREFIX)}
        return held | {self.page_id}


def _has_locks() -> bool:
    # Not in insecure contexts; in sandboxed frames they are there and refuse.
    return bool(getattr(js.navigator, "locks", None)) and str(js.origin) != "null"
