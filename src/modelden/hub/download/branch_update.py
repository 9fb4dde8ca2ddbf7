"""The update of a branch by one load: all its files as they are stored, or all as the hub has them, never a mixture.

A file that changed on the hub is downloaded and served to the load. It replaces the stored one only when the load has
succeeded, in one transaction with all others. Until then its bytes are a partial download, which a later load resumes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from modelden.errors import ModelDenError, UnavailableError

if TYPE_CHECKING:
    from modelden.hub.catalog.file_index import Lists
    from modelden.hub.store.cache import StagedFile
    from modelden.hub.store.records import CachedFile, FileKey
    from modelden.hub.store.store import Store
    from modelden.ports import Locks

logger = logging.getLogger(__name__)

SWITCH_LOCK = "switch"
"""Lock of the one load, among all tabs, that replaces files of branches. The others wait, and then find them stored."""


class BranchUpdate:
    """The files of branches that one load uses.

    Attributes:
        stored_only: Use the stored files, without a request.
        changed: Files that are stored in another state than the hub's.
        lists: The hub's lists that the load uses: its files are of one commit.
        is_superseded: Another tab replaced a file during the load, which was served files of two states.
        has_moved: The branch moved during the load, between the comparison of a stored file and the list.
    """

    def __init__(self, store: Store, locks: Locks, lists: Lists | None = None, *, stored_only: bool = False) -> None:
        self.stored_only = stored_only
        self.changed: set[FileKey] = set()
        self.lists: Lists = {} if lists is None else lists
        self.is_superseded = self.has_moved = False
        self._store = store
        self._locks = locks
        self._switch_lock = AsyncExitStack()
        self._acquiring = asyncio.Lock()
        self._is_locked = False
        self._served: dict[FileKey, CachedFile] = {}
        self._awaited: set[FileKey] = set()
        self._staged: dict[FileKey, StagedFile] = {}
        self._deleted: set[FileKey] = set()
        self._unconfirmed: set[FileKey] = set()

    def staged(self, key: FileKey) -> CachedFile | None:
        """Return a changed file, if this load has downloaded it."""
        return self._staged[key].cached() if key in self._staged else None

    async def mark_changed(self, key: FileKey, *, is_deleted: bool = False) -> None:
        """Record that the hub changed or deleted a file. Waits for the cross-tab switch lock."""
        self.changed.add(key)
        (self._deleted if is_deleted else self._awaited).add(key)
        async with self._acquiring:
            if not self._is_locked:
                await self._switch_lock.enter_async_context(self._locks.hold(SWITCH_LOCK))
                self._is_locked = True

    def mark_served(self, key: FileKey, file: CachedFile) -> CachedFile:
        """Record that a file is served as it is stored."""
        self._served[key] = file
        self._awaited.discard(key)
        return file

    def mark_unconfirmed(self, key: FileKey) -> None:
        """Record that the hub did not tell whether a file changed."""
        self._unconfirmed.add(key)

    def stage(self, file: StagedFile) -> CachedFile:
        """Hold a downloaded file until `commit`."""
        self._staged[file.key] = file
        self._awaited.discard(file.key)
        return file.cached()

    async def commit(self) -> None:
        """Replace the changed files, after the load has succeeded.

        Raises:
            UnavailableError: If files of two states were served.
            StorageError: If they cannot be stored, and memory is not allowed.
        """
        if self.changed and (unconfirmed := self._unconfirmed | self._awaited):
            changed, other = min(self.changed).name, min(unconfirmed).name
            raise UnavailableError(
                f"The hub has changed {changed}, and does not give {other} as it is now. "
                "They may not fit together: try again when it answers."
            )
        if (moved := await self._moved_file()) is not None:
            self.has_moved = True
            raise UnavailableError(f"The hub changed {moved.name} while the model was loaded.")
        served = {key: file.sha256 for key, file in self._served.items()}
        if served and (replaced := await self._store.cache.replaced_files(served)):
            self.is_superseded = True
            raise UnavailableError(f"{min(replaced).name} was replaced by another tab while the model was loaded.")
        if self._staged or self._deleted:
            await self._store.writer.commit(list(self._staged.values()), self._deleted)

    async def _moved_file(self) -> FileKey | None:
        """Return a stored file that was served before the load used a list, and is another one in that list."""
        for key, file in self._served.items() if self.lists else ():
            from modelden.hub.catalog.file_index import is_listed  # the list is from there

            listing = self.lists.get((key.model.partition("/")[2], key.revision))
            if listing is not None and await is_listed(await listing, key.path, file.sha256, file.blob) is False:
                return key
        return None

    async def __aenter__(self) -> Self:
        """Enter the context of the load."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Release the switch lock. A failure is only logged: the outcome of the load counts."""
        try:
            await self._switch_lock.aclose()
        except ModelDenError as error:
            logger.warning("The lock %r was not released: %s", SWITCH_LOCK, error)


async def load_branch[T](
    store: Store,
    locks: Locks,
    load: Callable[[BranchUpdate], Coroutine[Any, Any, T]],
    lists: Lists | None = None,
) -> tuple[T, ModelDenError | None]:
    """Load a model of a branch as the hub has it; if it has changed and cannot be loaded, load the stored state.

    Args:
        store: Store of the page.
        locks: The locks of the origin.
        load: Loads the model, and calls `BranchUpdate.commit` at its end.
        lists: The hub's lists of an attempt before, whose commit all files shall have.

    Returns:
        The result of ``load``; and the error of the hub's state, if the stored one was loaded.

    Raises:
        ModelDenError: If the load fails and nothing had changed, or if the stored state cannot be loaded either.
    """
    async with BranchUpdate(store, locks, lists) as branch:
        try:
            # A task of its own: each file resumes the load, and not all who wait for it.
            return await asyncio.create_task(load(branch)), None
        except ModelDenError as error:
            if not (branch.changed or branch.is_superseded or branch.has_moved):
                raise
            reason = error
    if branch.has_moved:
        return await load_branch(store, locks, load, branch.lists)
    if branch.is_superseded:  # the other tab has stored a complete state
        return await load_branch(store, locks, load)
    logger.warning("A branch changed and cannot be loaded as it is now. The stored state is loaded. %s", reason)
    try:
        async with locks.hold(SWITCH_LOCK):
            return await load(BranchUpdate(store, locks, stored_only=True)), reason
    except ModelDenError as error:
        logger.warning("The stored state cannot be loaded either: %s", error)
        raise reason from reason.__cause__
