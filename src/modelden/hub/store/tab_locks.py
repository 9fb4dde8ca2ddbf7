"""Locks among all tabs: one download per file, one writer of rows, leases of models in use.

The browser frees the locks of a tab that disappears.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from modelden.core.events import Reporter
from modelden.errors import StorageError
from modelden.hub.store.records import FileKey, PartialFile, file_id
from modelden.ports import Locks

ROWS_LOCK = "rows"
"""Lock of whoever reads rows, changes and writes them back: no engine id and no content gets lost."""

SWEEP_LOCK = "sweep"
"""Lock of the tab that sweeps."""

WATCH_INTERVAL = 1.0
"""Seconds between two looks at the download of another tab."""


def download_lock(file: str) -> str:
    """Return the name of the lock of whoever downloads a file, by its `records.file_id`."""
    return f"download {file}"


def use_lock(model: str, revision: str) -> str:
    """Return the name of the lock that engines share while they use a model."""
    return f"use {model} {revision}"


class DownloadLock:
    """The locks of downloads. When a holder disappears, the tab that waited longest continues."""

    def __init__(self, locks: Locks, partial: Callable[[FileKey], Awaitable[PartialFile | None]]) -> None:
        """Create the locks of one store.

        Args:
            locks: Locks of the origin.
            partial: Reads the stored beginning of a file: the progress of another tab.
        """
        self._locks = locks
        self._partial = partial

    @asynccontextmanager
    async def hold(self, key: FileKey, reporter: Reporter) -> AsyncIterator[None]:
        """Wait until no other tab downloads the file; the progress of the other tab is reported meanwhile."""
        watching = asyncio.ensure_future(self._watch(key, reporter))
        try:
            async with self._locks.hold(download_lock(file_id(key))):
                watching.cancel()
                yield
        finally:
            watching.cancel()

    async def _watch(self, key: FileKey, reporter: Reporter) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            try:
                partial = await self._partial(key)
            except StorageError:
                return
            if partial is not None:
                reporter.catch_up(partial.received, partial.total)


class ModelLease:
    """The models that one engine or session uses. No tab evicts them until the lease ends."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks
        self._ended = asyncio.Event()
        self._held: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, model: str, revision: str) -> None:
        """Add a model. Returns when its lock is held.

        Args:
            model: ``hostname/organization/name``.
            revision: Branch or version.

        Raises:
            StorageError: If the browser refuses the lock.
        """
        name = use_lock(model, revision)
        if name not in self._held:
            self._held[name] = asyncio.get_running_loop().create_future()
            task = asyncio.ensure_future(self._hold(name, self._held[name]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # One waiter may be cancelled; the others go on waiting.
        await asyncio.shield(self._held[name])

    def end(self) -> None:
        """Free all locks."""
        self._ended.set()

    async def wait_ended(self) -> None:
        """Return when all locks are free, after `end`."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _hold(self, name: str, held: asyncio.Future[None]) -> None:
        try:
            async with self._locks.hold(name, shared=True):
                held.set_result(None)
                await self._ended.wait()
        except Exception as error:
            # A lock that is lost after it was held concerns nobody who waits.
            del self._held[name]
            if held.done():
                raise
            held.set_exception(error)
            held.exception()  # retrieved, should all waiters be cancelled
