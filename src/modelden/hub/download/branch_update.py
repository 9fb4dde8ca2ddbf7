"""What one load takes of a branch: all files as they are kept, or all as the hub has them now, never some of each.

A file that changed on the hub is downloaded, and given to the load, but its row is replaced when the load has
succeeded, with those of all others in one transaction. Until then its bytes are a partial, with which the next try goes
on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Self

from modelden.errors import ModelDenError, UnavailableError
from modelden.hub.store.cache import StagedFile
from modelden.hub.store.partials import FileKey
from modelden.hub.store.records import CachedFile
from modelden.hub.store.writer import CacheWriter, cached_file
from modelden.ports import Locks

logger = logging.getLogger(__name__)

SWITCH_LOCK = "switch"
"""One load at a time, among all tabs, takes files of branches that changed; others wait, and have them then."""


class BranchUpdate:
    """The files of branches that one load takes.

    Attributes:
        as_kept: Take what is kept, and ask nobody.
        changed: Files that the hub has in another state than was kept.
        has_moved: Another tab replaced a file while this load went on: what it was given is of two states.
    """

    def __init__(self, keeper: CacheWriter, locks: Locks, *, as_kept: bool = False) -> None:
        """Nothing has changed."""
        self.as_kept = as_kept
        self.changed: set[FileKey] = set()
        self.has_moved = False
        self._given: dict[FileKey, str] = {}
        self._keeper = keeper
        self._locks = locks
        self._switching = AsyncExitStack()
        self._taking = asyncio.Lock()
        self._holds = False
        self._come: dict[FileKey, StagedFile] = {}
        self._awaited: set[FileKey] = set()
        self._gone: set[FileKey] = set()
        self._silent: set[FileKey] = set()

    def come(self, key: FileKey) -> CachedFile | None:
        """Return a changed file that has come."""
        return cached_file(self._come[key]) if key in self._come else None

    async def change(self, key: FileKey, *, is_gone: bool = False) -> None:
        """Hear that a file changed, or is no more; returns when no other load is at it."""
        self.changed.add(key)
        (self._gone if is_gone else self._awaited).add(key)
        async with self._taking:
            if not self._holds:
                await self._switching.enter_async_context(self._locks.hold(SWITCH_LOCK))
                self._holds = True

    def give(self, key: FileKey, kept: CachedFile) -> CachedFile:
        """Hear that a file is given as it is kept."""
        self._given[key] = kept.sha256
        self._awaited.discard(key)
        return kept

    def silent(self, key: FileKey) -> None:
        """Hear that the hub did not say whether a file changed."""
        self._silent.add(key)

    def take(self, arrival: StagedFile) -> CachedFile:
        """Hold a changed file that has come until `finish`."""
        self._come[arrival.key] = arrival
        self._awaited.discard(arrival.key)
        return cached_file(arrival)

    async def finish(self) -> None:
        """Keep what has come, now that the load has succeeded.

        Raises:
            UnavailableError: If another file may be older than these, or newer than one of them.
            StorageError: If it cannot be stored, and memory will not do.
        """
        if self.changed and (unsure := self._silent | self._awaited):
            changed, unsaid = "/".join(min(self.changed)), "/".join(min(unsure))
            raise UnavailableError(
                f"The hub has changed {changed}, and does not give {unsaid} as it is now. "
                "They may not fit together: try again when it answers."
            )
        if moved := await self._keeper.replaced(self._given):
            self.has_moved = True
            raise UnavailableError(f"{'/'.join(min(moved))} was replaced by another tab while the model was loaded.")
        await self._keeper.keep_all(list(self._come.values()), self._gone)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let other loads have their turn."""
        await self._switching.aclose()


async def whole[T](
    keeper: CacheWriter, locks: Locks, load: Callable[[BranchUpdate], Awaitable[T]]
) -> tuple[T, ModelDenError | None]:
    """Load what the hub has now; if that is another state of a branch, and fails, load what is kept.

    Args:
        keeper: Keeps the files.
        locks: Those of the origin.
        load: Loads a model, and calls `BranchUpdate.finish` when that has succeeded.

    Returns:
        What was loaded, and why it is not what the hub has now, if it is not.

    Raises:
        ModelDenError: If the load fails, and nothing had changed, or what is kept cannot be loaded either.
    """
    async with BranchUpdate(keeper, locks) as branch:
        try:
            return await load(branch), None
        except ModelDenError as error:
            if not (branch.changed or branch.has_moved):
                raise
            reason = error
    if branch.has_moved:  # and what came instead is whole
        return await whole(keeper, locks, load)
    logger.warning("A branch changed, and cannot be had as it is now; what is kept of it is loaded. %s", reason)
    try:
        async with locks.hold(SWITCH_LOCK):
            return await load(BranchUpdate(keeper, locks, as_kept=True)), reason
    except ModelDenError as second:
        logger.warning("What is kept of it cannot be loaded either: %s", second)
        raise reason from reason.__cause__
