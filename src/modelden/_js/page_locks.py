"""The locks of a page without ``navigator.locks``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PageLocks:
    """`ports.Locks` within one page, granted in the order of the requests."""

    def __init__(self) -> None:
        self._locks: dict[str, _Lock] = {}

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        """Wait for the lock and hold it."""
        lock = self._locks.setdefault(name, _Lock())
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lock.requests.append((granted, shared))
        lock.grant()
        try:
            await granted
            yield
        finally:
            self._release(name, granted, shared=shared)

    @asynccontextmanager
    async def try_hold(self, name: str) -> AsyncIterator[bool]:
        """Hold the lock if it is free, else yield False."""
        if name in self._locks:
            yield False
            return
        async with self.hold(name):
            yield True

    def _release(self, name: str, granted: asyncio.Future[None], *, shared: bool) -> None:
        lock = self._locks[name]
        if (granted, shared) in lock.requests:  # cancelled before it was granted
            lock.requests.remove((granted, shared))
        elif shared:
            lock.readers -= 1
        else:
            lock.writer = False
        lock.grant()
        if not (lock.requests or lock.readers or lock.writer):
            del self._locks[name]


class _Lock:
    """The holders of one lock, and the requests for it, oldest first."""

    def __init__(self) -> None:
        self.writer = False
        self.readers = 0
        self.requests: deque[tuple[asyncio.Future[None], bool]] = deque()

    def grant(self) -> None:
        while self.requests and not self.writer and (self.requests[0][1] or not self.readers):
            granted, shared = self.requests.popleft()
            if shared:
                self.readers += 1
            else:
                self.writer = True
            if not granted.done():
                granted.set_result(None)
