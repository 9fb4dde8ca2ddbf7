"""How a load is tried again: with one thread, without the GPU, with files fetched anew. Each at most once.

The same for engines and for raw models.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from modelden.engine.memory_guard import LoadWatch, MemoryGuard
from modelden.engine.plan import Fallbacks
from modelden.engine.runtime_selection import gpu_lost_message
from modelden.errors import DeviceLost, EngineCrashed, EngineError, EngineTimeout
from modelden.hub.files import HubFiles
from modelden.hub.store.partials import FileKey

logger = logging.getLogger(__name__)

_SILENT = "with more threads the engine gave no sign of life while it loaded"
_CAREFUL = "the last load of this model ended its page, and one thread takes less memory"


class DamagedFiles(Exception):
    """Stored files of a load that failed were damaged; they are removed, so that they are fetched again.

    It reaches no caller.

    Attributes:
        error: What the load ended with.
    """

    def __init__(self, error: EngineError) -> None:
        """Keep the error."""
        super().__init__(str(error))
        self.error = error


async def load_with_retries[LoadedModel](
    guard: MemoryGuard,
    key: str | None,
    model: str,
    load: Callable[[LoadWatch, Fallbacks], Awaitable[LoadedModel]],
    no_gpu: str | None = None,
) -> LoadedModel:
    """Load a model, once more for each thing that can be done about a failure.

    A worker that gives no sign of life is tried once more with one thread: some browsers hang with several. One whose
    GPU goes while it loads is tried once more without. Stored files that turn out to be damaged are fetched again.

    Args:
        guard: Looks out for loads that the browser would not survive.
        key: What the guard knows the model by; None for one that it cannot know again.
        model: How messages call it.
        load: Tries it.
        no_gpu: Why not to use the GPU.

    Raises:
        ModelDenError: As ``load``; `LoadEndedPage` before it.
    """
    watch = await guard.begin_load(key, model)
    without = Fallbacks(_CAREFUL if watch.follows_crash else None, no_gpu)
    tried: set[type[Exception]] = set()
    try:
        while True:
            try:
                return await load(watch, without)
            except (EngineTimeout, DeviceLost, DamagedFiles) as error:
                if type(error) in tried:
                    raise error.error if isinstance(error, DamagedFiles) else error from error.__cause__
                tried.add(type(error))
                logger.warning("%s Trying once more.", error)
                without = _less(without, error)
    finally:
        watch.end()


async def check_stored_files(
    hub: HubFiles, keys: set[FileKey], drop_runtime: Callable[[], Awaitable[bool]], error: EngineError
) -> EngineError:
    """Find out whether a load failed because files that it used are damaged in storage.

    Args:
        hub: Has the model's files.
        keys: Which of them were used.
        drop_runtime: Removes the runtime if it is damaged, and tells whether it was.
        error: What the load ended with.

    Returns:
        The error, which says that they are not, if that was checked.

    Raises:
        DamagedFiles: If they are; they are removed.
    """
    if type(error) not in (EngineError, EngineCrashed):
        return error
    from modelden.hub.store.verification import damaged_files

    damaged = ["/".join(key) for key in await damaged_files(hub, keys)]
    if await drop_runtime():
        damaged.append("the runtime")
    if damaged:
        logger.warning("What is stored of %s is damaged, and fetched again.", ", ".join(damaged))
        raise DamagedFiles(error)
    if not keys or type(error) is EngineCrashed:
        return error
    return EngineError(f"{error} What is stored of its files was checked, and is what came from the hub.")


def _less(without: Fallbacks, error: Exception) -> Fallbacks:
    if isinstance(error, EngineTimeout):
        return without._replace(threads=_SILENT)
    if isinstance(error, DeviceLost):
        return without._replace(gpu=gpu_lost_message(error.reason))
    return without
