from __future__ import annotations

import asyncio
import gc

import pytest

from modelden.core.background_tasks import BackgroundTasks


async def test_a_task_that_nobody_awaits_is_not_collected_before_its_end() -> None:
    ended = asyncio.Event()

    class Resource:
        """A future that only its waiting task refers to."""

        def __init__(self) -> None:
            self.freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def __del__(self) -> None:
            ended.set()

    async def work() -> None:
        resource = Resource()
        await resource.freed

    BackgroundTasks().start(work(), "work")
    await asyncio.sleep(0)
    gc.collect()

    assert not ended.is_set()


async def test_the_exception_of_a_task_is_logged_with_its_purpose(caplog: pytest.LogCaptureFixture) -> None:
    tasks = BackgroundTasks()

    async def work() -> None:
        raise KeyError("time")

    tasks.start(work(), "store the crash marker")
    await tasks.wait()

    (record,) = caplog.records
    assert record.getMessage() == "A background task failed to store the crash marker."
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


async def test_cancelled_tasks_end_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    tasks = BackgroundTasks()
    running = tasks.start(asyncio.Event().wait(), "wait")
    await asyncio.sleep(0)

    tasks.cancel()
    await tasks.wait()

    assert running.cancelled()
    assert caplog.records == []


async def test_waiting_includes_tasks_that_tasks_start() -> None:
    tasks, ends = BackgroundTasks(), []

    async def second() -> None:
        await asyncio.sleep(0)
        ends.append("second")

    async def first() -> None:
        tasks.start(second(), "be second")

    tasks.start(first(), "be first")
    await tasks.wait()

    assert ends == ["second"]
