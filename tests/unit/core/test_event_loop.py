from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from modelden.core import event_loop
from modelden.core.event_loop import BackgroundTasks, import_staged


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


async def test_the_page_runs_after_imports_that_took_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now
    monkeypatch.setattr(event_loop, "time", clock)
    monkeypatch.setitem(sys.modules, "staged_clock", cast("ModuleType", clock))
    seconds = {"staged_a": 0.001, "staged_b": 0.001, "staged_c": 0.1, "staged_d": 0.1, "staged_e": 0.001}
    for name, duration in seconds.items():
        (tmp_path / f"{name}.py").write_text(f"import staged_clock\nstaged_clock.now += {duration}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importing = asyncio.ensure_future(import_staged(list(seconds)))
    turns = []
    while not importing.done():
        await asyncio.sleep(0)
        turns.append(sum(name in sys.modules for name in seconds))

    assert turns == [3, 4, 5]
    for name in seconds:
        monkeypatch.delitem(sys.modules, name)


async def test_imported_modules_take_no_turn() -> None:
    importing = asyncio.ensure_future(import_staged(["sys", "asyncio"] * 100))
    await asyncio.sleep(0)

    assert importing.done()
