"""Locks by name within one page, so that the same thing is not done twice at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary


class KeyedLocks:
    """Locks by key; a lock exists as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        """No lock exists yet."""
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def __call__(self, key: Hashable) -> AsyncIterator[None]:
        """Hold the lock of ``key``."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield


class PageLocks:
    """`ports.Locks` within one page, in the order of the requests: what a page without ``navigator.locks`` uses."""

    def __init__(self) -> None:
        """No lock exists yet."""
        self._locks: dict[str, _Lock] = {}

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        """Wait for the lock and hold it."""
        lock = self._locks.setdefault(name, _Lock())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lock.waiting.append((turn, shared))
        lock.admit()
        try:
            await turn
            yield
        finally:
            self._leave(name, turn, shared=shared)

    @asynccontextmanager
    async def try_hold(self, name: str) -> AsyncIterator[bool]:
        """Hold the lock if it is free now."""
        if name in self._locks:
            yield False
            return
        async with self.hold(name):
            yield True

    def _leave(self, name: str, turn: asyncio.Future[None], *, shared: bool) -> None:
        lock = self._locks[name]
        if (turn, shared) in lock.waiting:  # cancelled before its turn
            lock.waiting.remove((turn, shared))
        elif shared:
            lock.readers -= 1
        else:
            lock.writer = False
        lock.admit()
        if not (lock.waiting or lock.readers or lock.writer):
            del self._locks[name]


@dataclass(slots=True)
class _Lock:
    """Who holds it and who waits, first come, first served."""

    writer: bool = False
    readers: int = 0
    waiting: deque[tuple[asyncio.Future[None], bool]] = field(default_factory=deque)

    def admit(self) -> None:
        while self.waiting and not self.writer and (self.waiting[0][1] or not self.readers):
            turn, shared = self.waiting.popleft()
            if shared:
                self.readers += 1
            else:
                self.writer = True
            if not turn.done():
                turn.set_result(None)
