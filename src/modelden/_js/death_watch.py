"""The watch for the end of a worker, by the Web Lock that the worker holds: browsers report its end in no other way.

A lock that is free proves nothing by itself. When all data of a site are cleared, Chromium gives new workers another
lock manager than the page has. So the page first looks for the lock where it is held, and asks the worker in doubt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import js
from pyodide.ffi import JsException

from modelden._js.ffi import abort_scope, js_name, js_object

logger = logging.getLogger(__name__)


class DeathWatch:
    """Waits for the lock that a worker holds while it lives."""

    def __init__(self, lock: str, answers: Callable[[], Awaitable[bool]], on_death: Callable[[], None]) -> None:
        """Start to watch.

        Args:
            lock: Name of the lock.
            answers: Asks the worker whether it lives.
            on_death: Called when the worker has ended. If the browser refuses locks, it is never called.
        """
        self._lock = lock
        self._answers = answers
        self._on_death = on_death
        self._task = asyncio.ensure_future(self._watch())

    def end(self) -> None:
        """Withdraw the request for the lock."""
        self._task.cancel()

    async def _watch(self) -> None:
        try:
            has_ended = await self._wait_for_end()
        except JsException as error:
            logger.debug("The end of a worker will not be noticed: %s", js_name(error))
            return
        if has_ended or not await self._answers():
            self._on_death()

    async def _wait_for_end(self) -> bool:
        """Wait until the lock is free. Return True if that proves the end of the worker."""
        js_locks = js.navigator.locks
        try:
            is_held = await _is_held(js_locks, self._lock)
        except JsException:  # Firefox in a frame of another site: requests are granted, and nothing is told
            await _request(js_locks, self._lock)
            return False
        if is_held:
            await _request(js_locks, self._lock)
            return True
        with _new_lock_manager() as js_new_locks:
            if js_new_locks is None or not await _is_held(js_new_locks, self._lock):
                return False
            await _request(js_new_locks, self._lock)
            return True


async def _is_held(js_locks: Any, lock: str) -> bool:
    state = await js_locks.query()
    return any(held.name == lock for held in state.held)


async def _request(js_locks: Any, lock: str) -> None:
    """Wait for a lock, and release it at once."""
    async with abort_scope() as signal:
        await js_locks.request(lock, js_object(signal=signal), js.Boolean)  # any function of JavaScript's own will do


@contextmanager
def _new_lock_manager() -> Iterator[Any]:
    """Yield the lock manager of a new frame, which is that of new workers; None in a worker, which has no frames."""
    if not hasattr(js, "document"):
        yield None
        return
    frame = js.document.createElement("iframe")
    frame.hidden = True
    js.document.documentElement.append(frame)
    try:
        yield getattr(frame.contentWindow.navigator, "locks", None)
    finally:
        frame.remove()
