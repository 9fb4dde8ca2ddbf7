"""Background tasks: work that its starter does not await, kept alive until it ends, with its failures logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """The background tasks of one owner.

    The event loop refers to tasks weakly, and an exception that nobody retrieves is reported when its task is
    collected, if ever. Here each task is referenced until it ends, and its exception is logged at once.
    """

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], str] = {}

    def start[T](self, work: Coroutine[Any, Any, T], purpose: str) -> asyncio.Task[T]:
        """Run a coroutine in a task.

        Args:
            work: The coroutine. It handles the errors that it expects.
            purpose: A verb phrase for the log: "store the crash marker".

        Returns:
            The task. Whoever awaits it gets its exception as well.
        """
        task = asyncio.ensure_future(work)
        self._tasks[task] = purpose
        task.add_done_callback(self._on_done)
        return task

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in list(self._tasks):
            task.cancel()

    async def wait(self) -> None:
        """Return when all tasks have ended, those too that they started meanwhile."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
            await asyncio.sleep(0)  # for the callbacks of those that ended

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        purpose = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A background task failed to %s.", purpose, exc_info=error)
