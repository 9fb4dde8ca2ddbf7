"""One download per file among all tabs; who waits sees how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from modelden.core.progress import Reporter
from modelden.errors import StorageError
from modelden.hub.store.partials import FileKey, Partials, file_id
from modelden.ports import Locks

LOOK_AGAIN = 1.0
"""Seconds between looks at the download of another tab."""


class DownloadLock:
    """The locks of downloads. When their holder is gone, whoever waited longest goes on."""

    def __init__(self, locks: Locks, partials: Partials) -> None:
        """Hold nothing."""
        self._locks = locks
        self._partials = partials

    @asynccontextmanager
    async def take(self, key: FileKey, reporter: Reporter) -> AsyncIterator[None]:
        """Wait until nobody else downloads the file; meanwhile report how far they are."""
        watching = asyncio.ensure_future(self._watch(key, reporter))
        try:
            async with self._locks.hold(download_lock(file_id(key))):
                watching.cancel()
                yield
        finally:
            watching.cancel()

    async def _watch(self, key: FileKey, reporter: Reporter) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            try:
                partial = await self._partials.get(key)
            except StorageError:
                return
            if partial is not None:
                reporter.catch_up(partial.received, partial.total)


def download_lock(file: str) -> str:
    """Return the name of the lock that whoever downloads a file holds, by its `partials.file_id`."""
    return f"download {file}"


class ModelLease:
    """The models that one engine uses, from its first file to its end."""

    def __init__(self, locks: Locks) -> None:
        """Nothing is in use."""
        self._locks = locks
        self._ended = asyncio.Event()
        self._held: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, model: str, revision: str) -> None:
        """Say that a model is in use; returns when whoever makes room knows.

        Args:
            model: ``hostname/organization/name``.
            revision: Branch or version.
        """
        name = use_lock(model, revision)
        if name not in self._held:
            self._held[name] = asyncio.get_running_loop().create_future()
            task = asyncio.ensure_future(self._hold(name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # Whoever waits here may be cancelled, others wait on.
        await asyncio.shield(self._held[name])

    def end(self) -> None:
        """Say that nothing is in use any more."""
        self._ended.set()

    async def ended(self) -> None:
        """Return when nothing is in use any more, for whoever looks; `end` was called."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _hold(self, name: str) -> None:
        async with self._locks.hold(name, shared=True):
            self._held[name].set_result(None)
            await self._ended.wait()


def use_lock(model: str, revision: str) -> str:
    """Return the name of the lock that engines share while they use a model."""
    return f"use {model} {revision}"
