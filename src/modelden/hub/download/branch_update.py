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
from modelden.hub.store.records import CachedFile, FileKey
from modelden.hub.store.writer import CacheWriter
from modelden.ports import Locks

logger = logging.getLogger(__name__)

SWITCH_LOCK = "switch"
"""One load at a time, among all tabs, takes files of branches that changed; others wait, and have them then."""


class BranchUpdate:
    """The files of branches that one load takes.

    Attributes:
        stored_only: Take what is kept, and ask nobody.
        changed: Files that the hub has in another state than was kept.
        is_superseded: Another tab replaced a file while this load went on: what it was given is of two states.
    """

    def __init__(self, writer: CacheWriter, locks: Locks, *, stored_only: bool = False) -> None:
        """Nothing has changed."""
        self.stored_only = stored_only
        self.changed: set[FileKey] = set()
        self.is_superseded = False
        self._served: dict[FileKey, str] = {}
        self._writer = writer
        self._locks = locks
        self._switch_lock = AsyncExitStack()
        self._acquiring = asyncio.Lock()
        self._is_locked = False
        self._staged: dict[FileKey, StagedFile] = {}
        self._awaited: set[FileKey] = set()
        self._deleted: set[FileKey] = set()
        self._unconfirmed: set[FileKey] = set()

    def staged(self, key: FileKey) -> CachedFile | None:
        """Return a changed file that has come."""
        return self._staged[key].cached() if key in self._staged else None

    async def mark_changed(self, key: FileKey, *, is_deleted: bool = False) -> None:
        """Hear that a file changed, or is no more; returns when no other load is at it."""
        self.changed.add(key)
        (self._deleted if is_deleted else self._awaited).add(key)
        async with self._acquiring:
            if not self._is_locked:
                await self._switch_lock.enter_async_context(self._locks.hold(SWITCH_LOCK))
                self._is_locked = True

    def mark_served(self, key: FileKey, kept: CachedFile) -> CachedFile:
        """Hear that a file is given as it is kept."""
        self._served[key] = kept.sha256
        self._awaited.discard(key)
        return kept

    def mark_unconfirmed(self, key: FileKey) -> None:
        """Hear that the hub did not say whether a file changed."""
        self._unconfirmed.add(key)

    def stage(self, file: StagedFile) -> CachedFile:
        """Hold a changed file that has come until `commit`."""
        self._staged[file.key] = file
        self._awaited.discard(file.key)
        return file.cached()

    async def commit(self) -> None:
        """Keep what has come, now that the load has succeeded.

        Raises:
            UnavailableError: If another file may be older than these, or newer than one of them.
            StorageError: If it cannot be stored, and memory will not do.
        """
        if self.changed and (unsure := self._unconfirmed | self._awaited):
            changed, unsaid = "/".join(min(self.changed)), "/".join(min(unsure))
            raise UnavailableError(
                f"The hub has changed {changed}, and does not give {unsaid} as it is now. "
                "They may not fit together: try again when it answers."
            )
        if replaced := await self._writer.replaced_files(self._served):
            self.is_superseded = True
            raise UnavailableError(f"{'/'.join(min(replaced))} was replaced by another tab while the model was loaded.")
        await self._writer.commit(list(self._staged.values()), self._deleted)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let other loads have their turn."""
        await self._switch_lock.aclose()


async def load_branch[T](
    writer: CacheWriter, locks: Locks, load: Callable[[BranchUpdate], Awaitable[T]]
) -> tuple[T, ModelDenError | None]:
    """Load what the hub has now; if that is another state of a branch, and fails, load what is kept.

    Args:
        writer: Keeps the files.
        locks: Those of the origin.
        load: Loads a model, and calls `BranchUpdate.commit` when that has succeeded.

    Returns:
        What was loaded, and why it is not what the hub has now, if it is not.

    Raises:
        ModelDenError: If the load fails, and nothing had changed, or what is kept cannot be loaded either.
    """
    async with BranchUpdate(writer, locks) as branch:
        try:
            return await load(branch), None
        except ModelDenError as error:
            if not (branch.changed or branch.is_superseded):
                raise
            reason = error
    if branch.is_superseded:  # and what came instead is whole
        return await load_branch(writer, locks, load)
    logger.warning("A branch changed, and cannot be had as it is now; what is kept of it is loaded. %s", reason)
    try:
        async with locks.hold(SWITCH_LOCK):
            return await load(BranchUpdate(writer, locks, stored_only=True)), reason
    except ModelDenError as second:
        logger.warning("What is kept of it cannot be loaded either: %s", second)
        raise reason from reason.__cause__
