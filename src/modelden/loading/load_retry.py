"""Retries of a failed load: with one thread, without the GPU, with damaged files fetched anew. Each at most once.

They are the same for engines and for raw models.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from modelden.engine.plan import Fallbacks
from modelden.engine.runtime_selection import gpu_lost_message
from modelden.errors import DeviceLost, EngineCrashed, EngineError, EngineTimeout, ModelDenError
from modelden.hub.files import HubFiles
from modelden.hub.store.records import FileKey

logger = logging.getLogger(__name__)

_NO_SIGN_OF_LIFE = "with more threads the engine gave no sign of life while it loaded"


class DamagedFiles(Exception):
    """Stored files of a failed load were damaged. They were removed, so that a retry fetches them again.

    `next_fallbacks` handles it: it reaches no caller.

    Attributes:
        error: The error that the load ended with.
    """

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


RETRYABLE = (EngineTimeout, DeviceLost, DamagedFiles)
"""Errors of a load after which something else can be tried."""


def next_fallbacks(fallbacks: Fallbacks, error: Exception, handled: set[type[Exception]]) -> Fallbacks:
    """Return the parts of a plan that the attempt after a failed one leaves out.

    A worker that gives no sign of life is followed by one with one thread: some browsers hang with several. A worker
    that loses its GPU is followed by one without. Damaged files are fetched again.

    Args:
        fallbacks: The parts that the failed attempt left out.
        error: One of `RETRYABLE`.
        handled: The classes of the errors of earlier attempts. The one of this error is added.

    Raises:
        EngineError: If an attempt failed like this before.
    """
    if type(error) in handled:
        raise error.error if isinstance(error, DamagedFiles) else error from error.__cause__
    handled.add(type(error))
    logger.warning("%s Trying once more.", error)
    if isinstance(error, EngineTimeout):
        return fallbacks._replace(one_thread_reason=_NO_SIGN_OF_LIFE)
    if isinstance(error, DeviceLost):
        return fallbacks._replace(no_gpu_reason=gpu_lost_message(error.reason))
    return fallbacks


async def check_stored_files(
    hub: HubFiles, keys: set[FileKey], delete_damaged_runtime: Callable[[], Awaitable[bool]], error: EngineError
) -> EngineError:
    """Check whether damage to stored files explains the failure of a load.

    Args:
        hub: The hub of the model.
        keys: The files that the load took.
        delete_damaged_runtime: Deletes the runtime if it is damaged, and returns whether it was.
        error: The error that the load ended with.

    Returns:
        The error; if the files were checked, its message says that they are not damaged.

    Raises:
        DamagedFiles: If files were damaged. They are removed.
    """
    if type(error) not in (EngineError, EngineCrashed):
        return error
    try:
        # The runtime first: its damage is told before a model's files are read.
        damaged = ["the runtime"] if await delete_damaged_runtime() else []
        damaged = damaged or [key.name for key in await hub.store.delete_damaged(keys)]
    except ModelDenError as failure:
        logger.warning("Whether stored files are damaged could not be checked: %s", failure)
        return error
    if damaged:
        logger.warning("What is stored of %s is damaged, and fetched again.", ", ".join(damaged))
        raise DamagedFiles(error)
    if not keys or type(error) is EngineCrashed:
        return error
    return EngineError(f"{error} What is stored of its files was checked, and is what came from the hub.")
