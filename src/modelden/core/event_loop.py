"""The event loop, which Python shares with the page: background tasks, and imports and computations with pauses.

One thread runs Python and the page. What takes seconds without a turn freezes the page for seconds.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Coroutine, Generator, Sequence
from importlib import import_module
from typing import Any

logger = logging.getLogger(__name__)

PREFIX = "modelden: "
"""The beginning of the names of all background tasks."""

_LONGEST_IMPORT = 0.008
"""Seconds of imports after which the page has its turn: half a frame of a screen with 60 Hz."""

type Steps[T] = Generator[None, None, T]
"""A long computation: a generator that yields wherever a page may have its turn, and returns the result."""

_owners: set[BackgroundTasks] = set()
"""Owners with tasks. The event loop refers to tasks weakly."""


class BackgroundTasks:
    """The background tasks of one owner.

    Each task is referenced until it ends, even where its owner is not. Its exception is logged at once: asyncio reports
    an exception that nobody retrieves when the task is collected, if ever.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start[T](self, work: Coroutine[Any, Any, T], purpose: str) -> asyncio.Task[T]:
        """Run a coroutine in a task.

        Args:
            work: The coroutine. It handles the errors that it expects.
            purpose: A verb phrase for the task's name and the log: "store the crash marker".

        Returns:
            The task. Whoever awaits it gets its exception as well.
        """
        task = asyncio.create_task(work, name=PREFIX + purpose)
        self._tasks.add(task)
        _owners.add(self)
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
        self._tasks.discard(task)
        if not self._tasks:
            _owners.discard(self)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A background task failed to %s.", task.get_name().removeprefix(PREFIX), exc_info=error)


def start_eagerly[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run a coroutine in a task, up to its first wait at once.

    In a browser each turn of the event loop costs 0.1 ms and more, as much as a small model.
    """
    return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)


async def import_staged(names: Sequence[str]) -> None:
    """Import modules one by one, and let the page run in between.

    Many modules at once keep the page's thread busy; on a first visit Python compiles each one. With bytecode most
    take less time than a turn of the event loop, so several are imported in one turn.

    Args:
        names: Full names of modules, dependencies first.
    """
    turn_start = time.perf_counter()
    for name in names:
        if name not in sys.modules:
            import_module(name)
            if time.perf_counter() - turn_start > _LONGEST_IMPORT:
                await asyncio.sleep(0)
                turn_start = time.perf_counter()


async def run_in_turns[T](steps: Steps[T]) -> T:
    """Run a computation, and let the page run at each of its steps."""
    while True:
        try:
            next(steps)
        except StopIteration as result:
            value: T = result.value
            return value
        await asyncio.sleep(0)


def run[T](steps: Steps[T]) -> T:
    """Run a computation at once, where nobody waits for a turn."""
    while True:
        try:
            next(steps)
        except StopIteration as result:
            value: T = result.value
            return value
