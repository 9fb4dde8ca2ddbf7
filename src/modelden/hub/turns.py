"""One download per file among all tabs; who waits sees how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from modelden.errors import StorageError
from modelden.hub.partials import FileKey, Partials, file_id
from modelden.ports import Locks
from modelden.progress import Reporter

LOOK_AGAIN = 1.0
"""Seconds between looks at the download of another tab."""


class Turns:
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
