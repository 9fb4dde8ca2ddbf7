"""`ports.Locks` and `ports.Presence` over Web Locks, which all pages and workers of the origin share.

The browser releases a lock when its holder's page or worker ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable

from modelden._js.ffi import abort_scope, js_name, js_object, map_exceptions
from modelden._js.page_locks import PageLocks
from modelden.errors import StorageUnavailable
from modelden.ports import Locks

logger = logging.getLogger(__name__)

PREFIX = "modelden "
"""Before the name of each lock: other scripts of the origin have locks too."""

PAGE_PREFIX = "modelden page "
"""Before the id of a page in the name of the lock that it holds."""


def connect_locks() -> Locks:
    """Return the origin's locks, or locks of this page alone in an insecure context, which has no Web Locks."""
    js_locks = getattr(js.navigator, "locks", None)
    return JsLocks(js_locks) if js_locks else PageLocks()


class JsLocks:
    """The origin's locks. If the browser refuses them to this page (a sandboxed frame), locks of this page alone."""

    def __init__(self, js_locks: Any) -> None:
        """Use a ``LockManager``."""
        self._js_locks = js_locks
        self._page_locks = PageLocks()
        self._is_refused = False

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        """Wait for the lock and hold it."""
        async with abort_scope() as signal, AsyncExitStack() as stack:
            options = js_object(mode="shared" if shared else "exclusive", signal=signal)
            await self._enter(stack, self._request(name, options), lambda locks: locks.hold(name, shared=shared))
            yield

    @asynccontextmanager
    async def try_hold(self, name: str) -> AsyncIterator[bool]:
        """Hold the lock if it is free now."""
        async with AsyncExitStack() as stack:
            request = self._request(name, js_object(ifAvailable=True))
            lock = await self._enter(stack, request, lambda locks: locks.try_hold(name))
            yield bool(lock)

    async def _enter(
        self,
        stack: AsyncExitStack,
        request: AbstractAsyncContextManager[Any],
        page_lock: Callable[[PageLocks], AbstractAsyncContextManager[Any]],
    ) -> Any:
        if not self._is_refused:
            try:
                return await stack.enter_async_context(request)
            except _LocksRefused:
                logger.info("The browser refuses Web Locks to this page: other tabs are not waited for.")
                self._is_refused = True
        return await stack.enter_async_context(page_lock(self._page_locks))

    @asynccontextmanager
    async def _request(self, name: str, js_options: Any) -> AsyncIterator[Any]:
        """Request a lock and hold it; the value is the ``Lock``, or null if it is not available."""
        request = _LockRequest(self._js_locks, name, js_options)
        try:
            with map_exceptions(_refused):
                js_lock = await request.granted
            yield js_lock
        finally:
            request.end()


class _LocksRefused(Exception):
    """The browser refuses all Web Locks to this page."""


def _refused(error: JsException) -> Exception:
    name = js_name(error)
    if name == "SecurityError":
        return _LocksRefused()
    return StorageUnavailable(f"The browser refused a lock ({name}: {error}). Reload the page.")


class _LockRequest:
    """One request for a Web Lock.

    Attributes:
        granted: A promise of the ``Lock``, of null if it is not available, or of the refusal.
    """

    def __init__(self, js_locks: Any, name: str, js_options: Any) -> None:
        js_granted, self._js_released = js.Promise.withResolvers(), js.Promise.withResolvers()
        self.granted = js_granted.promise
        self._js_granted = js_granted
        self._is_called = False
        self._callback = create_once_callable(self._hold)
        # Fulfilled when the lock is released, rejected when the request is refused or aborted.
        js_locks.request(PREFIX + name, js_options, self._callback).catch(js_granted.reject)

    def end(self) -> None:
        """Release the lock. A request that is granted from now on fails, so that its lock is released as well."""
        self._js_released.resolve()
        if not self._is_called:
            self._callback.destroy()

    def _hold(self, js_lock: Any) -> Any:
        self._is_called = True
        self._js_granted.resolve(js_lock)
        return self._js_released.promise


class JsPresence:
    """The live pages and workers of the origin: each holds a lock with its id in the name."""

    def __init__(self) -> None:
        self._page_id: str | None = None

    @property
    def page_id(self) -> str:
        """This page's id. The page counts as live from the first access on."""
        if self._page_id is None:
            self._page_id = os.urandom(16).hex()
            if js_locks := getattr(js.navigator, "locks", None):
                js_forever = js.Promise.withResolvers().promise
                js_held = js_locks.request(PAGE_PREFIX + self._page_id, create_once_callable(lambda _lock: js_forever))
                js_held.catch(js.Boolean)  # refused: then `live_page_ids` is too. Any function of JavaScript's own.
        return self._page_id

    async def live_page_ids(self) -> set[str] | None:
        """Return the ids of all live pages, None where they cannot be found out."""
        js_locks = getattr(js.navigator, "locks", None)
        if not js_locks:  # an insecure context
            return None
        try:
            state = await js_locks.query()
        except JsException as error:  # a sandboxed frame
            logger.debug("The browser does not tell the held locks: %s", js_name(error))
            return None
        names = [str(lock.name) for lock in state.held]
        return {name.removeprefix(PAGE_PREFIX) for name in names if name.startswith(PAGE_PREFIX)} | {self.page_id}
