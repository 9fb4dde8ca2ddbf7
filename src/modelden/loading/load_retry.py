"""Retries of a failed load: with one thread, without the GPU, with damaged files fetched anew. Each at most once.

They are the same for engines and for raw models.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from modelden.engine.memory_guard import LoadWatch
from modelden.engine.plan import Fallbacks
from modelden.engine.runtime_selection import gpu_lost_message
from modelden.errors import DeviceLost, EngineCrashed, EngineError, EngineTimeout, ModelDenError
from modelden.hub.files import HubFiles
from modelden.hub.store.records import FileKey

logger = logging.getLogger(__name__)

_NO_SIGN_OF_LIFE = "with more threads the engine gave no sign of life while it loaded"
_AFTER_CRASH = "the last load of this model ended its page, and one thread takes less memory"


class DamagedFiles(Exception):
    """Stored files of a failed load were damaged. They were removed, so that a retry fetches them again.

    `LoadRetries` handles it: it reaches no caller.

    Attributes:
        error: The error that the load ended with.
    """

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


RETRYABLE = (EngineTimeout, DeviceLost, DamagedFiles)
"""Errors of a load after which something else can be tried."""


class LoadRetries:
    """The retries of one load.

    A worker that gives no sign of life is followed by one with one thread: some browsers hang with several. A worker
    that loses its GPU is followed by one without. Damaged files are fetched again.

    Attributes:
        fallbacks: The parts of the plan that the next attempt leaves out.
    """

    def __init__(self, watch: LoadWatch, no_gpu_reason: str | None = None) -> None:
        """Begin with the first attempt.

        Args:
            watch: Knows whether the last load of the model ended its page.
            no_gpu_reason: Why not to use the GPU.
        """
        self.fallbacks = Fallbacks(_AFTER_CRASH if watch.follows_crash else None, no_gpu_reason)
        self._handled: set[type[Exception]] = set()

    def prepare(self, error: Exception) -> None:
        """Decide on the attempt after one that failed.

        Args:
            error: One of `RETRYABLE`.

        Raises:
            EngineError: If an attempt failed like this before.
        """
        if type(error) in self._handled:
            raise error.error if isinstance(error, DamagedFiles) else error from error.__cause__
        self._handled.add(type(error))
        logger.warning("%s Trying once more.", error)
        if isinstance(error, EngineTimeout):
            self.fallbacks = self.fallbacks._replace(one_thread_reason=_NO_SIGN_OF_LIFE)
        elif isinstance(error, DeviceLost):
            self.fallbacks = self.fallbacks._replace(no_gpu_reason=gpu_lost_message(error.reason))


async def check_stored_files(
    hub: HubFiles, keys: set[FileKey], drop_damaged_runtime: Callable[[], Awaitable[bool]], error: EngineError
) -> EngineError:
    """Check whether damage to stored files explains the failure of a load.

    Args:
        hub: The hub of the model.
        keys: The files that the load took.
        drop_damaged_runtime: Removes the runtime if it is damaged, and returns whether it was.
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
        damaged = ["the runtime"] if await drop_damaged_runtime() else []
        damaged = damaged or ["/".join(key) for key in await hub.store.delete_damaged(keys)]
    except ModelDenError as failure:
        logger.warning("Whether stored files are damaged could not be checked: %s", failure)
        return error
    if damaged:
        logger.warning("What is stored of %s is damaged, and fetched again.", ", ".join(damaged))
        raise DamagedFiles(error)
    if not keys or type(error) is EngineCrashed:
        return error
    return EngineError(f"{error} What is stored of its files was checked, and is what came from the hub.")
