"""Retries of a failed load: with one thread, without the GPU, with damaged files fetched anew. Each at most once.

They are the same for engines and for raw models.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from modelden.engine.plan import Fallbacks
from modelden.engine.runtime_selection import gpu_lost_message
from modelden.errors import DataRemoved, DeviceLost, EngineCrashed, EngineError, EngineTimeout, ModelDenError
from modelden.hub.catalog.integrity import SIGNED
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.records import FileKey, StoredFile, file_key

logger = logging.getLogger(__name__)

_NO_SIGN_OF_LIFE = "with more threads the engine gave no sign of life while it loaded"


class DamagedFiles(Exception):
    """Stored files of a failed load were damaged or wrong. They were removed or replaced, so that a retry has others.

    `next_fallbacks` handles it: it reaches no caller.

    Attributes:
        error: The error that the load ended with.
    """

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


RETRYABLE = (EngineTimeout, DeviceLost, DamagedFiles, DataRemoved)
"""Errors of a load after which something else can be tried."""

MOST_REMOVALS = 10
"""Times that a load begins again because data were removed: each clearing of the site's data can end one attempt."""


def next_fallbacks(fallbacks: Fallbacks, error: Exception, handled: Counter[type[Exception]]) -> Fallbacks:
    """Return the parts of a plan that the attempt after a failed one leaves out.

    A worker that gives no sign of life is followed by one with one thread: some browsers hang with several. A worker
    that loses its GPU is followed by one without. Damaged files are fetched again, and so are those that were removed
    while they were loaded: as often as `MOST_REMOVALS`.

    Args:
        fallbacks: The parts that the failed attempt left out.
        error: One of `RETRYABLE`.
        handled: The classes of the errors of earlier attempts. The one of this error is counted.

    Raises:
        EngineError: If an attempt failed like this before.
    """
    limit = MOST_REMOVALS if isinstance(error, DataRemoved) else 1
    if handled[type(error)] == limit:
        raise error.error if isinstance(error, DamagedFiles) else error from error.__cause__
    handled[type(error)] += 1
    logger.warning("%s Trying once more.", error)
    if isinstance(error, EngineTimeout):
        return fallbacks._replace(one_thread_reason=_NO_SIGN_OF_LIFE)
    if isinstance(error, DeviceLost):
        return fallbacks._replace(no_gpu_reason=gpu_lost_message(error.reason))
    return fallbacks


class LoadedFiles(Protocol):
    """The files of the hub that a load took.

    Attributes:
        files: The files by their keys in the store.
    """

    files: dict[FileKey, ModelFile]

    async def revalidate(self) -> list[FileKey]:
        """Download the files again of which the hub has other bytes, and return the keys of those that changed."""


async def check_stored_files(
    hub: HubFiles, loaded: LoadedFiles, delete_damaged_runtime: Callable[[], Awaitable[bool]], error: EngineError
) -> EngineError:
    """Check whether stored files explain the failure of a load: damaged ones, or wrong ones since they came.

    Args:
        hub: The hub of the model.
        loaded: The files that the load took.
        delete_damaged_runtime: Deletes the runtime if it is damaged, and returns whether it was.
        error: The error that the load ended with.

    Returns:
        The error; if the files were checked, its message says where they come from, and what helps.

    Raises:
        DamagedFiles: If files were damaged, which are removed, or had other bytes on the hub, which are stored.
        DataRemoved: If files are not stored any more.
    """
    if type(error) not in (EngineError, EngineCrashed):
        return error
    try:
        # The runtime first: its damage is told before a model's files are read.
        damaged = ["the runtime"] if await delete_damaged_runtime() else []
        damaged = damaged or [key.name for key in await hub.store.delete_damaged(loaded.files)]
        removed = [] if damaged else [key.name for key in await hub.store.removed_files(loaded.files)]
        if not damaged and not removed and type(error) is EngineError:
            damaged = [key.name for key in await loaded.revalidate()]
        stored = await _stored_files(hub, loaded.files)
    except ModelDenError as failure:
        logger.warning("Whether stored files are damaged could not be checked: %s", failure)
        return error
    if removed:
        raise DataRemoved(f"The data of this site were removed while {removed[0]} was loaded.") from error
    if damaged:
        logger.warning("What was stored of %s was damaged or wrong, and is fetched again.", ", ".join(damaged))
        raise DamagedFiles(error)
    if not stored or type(error) is EngineCrashed:
        return error
    return EngineError(f"{str(error).rstrip('.')}. {_describe(stored, str(error))}")


async def _stored_files(hub: HubFiles, keys: Collection[FileKey]) -> list[StoredFile]:
    revisions = sorted({key.revision_key for key in keys})
    files = [file for revision in revisions for file in await hub.store.list_files(*revision)]
    return [file for file in files if file_key(file) in keys]


def _describe(files: Sequence[StoredFile], message: str) -> str:
    """Return the origin of a load's files, those first that are most likely at fault, and the call that helps."""
    suspects = sorted(files, key=lambda file: (file.path not in message, file.integrity == SIGNED, -file.size))
    facts = "; ".join(
        f"{file.path} ({file.size} bytes from {file.hub or 'an import'}, {file.integrity})" for file in suspects[:3]
    )
    others = f"; {len(suspects) - 3} more" if len(suspects) > 3 else ""
    call = f"await modelden.ModelHub().delete_models(model={suspects[0].model!r}, revision={suspects[0].revision!r})"
    return (
        f"What is stored of its files was checked, and is what came from the hub: {facts}{others}. "
        f"The hub gave no other bytes. When it has them, `{call}` removes these, and the next load downloads them."
    )
