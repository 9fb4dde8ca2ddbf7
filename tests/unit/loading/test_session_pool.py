"""Raw models share a worker, and one that fails or is slow takes no other one down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from modelden.engine.slot import ANSWER_LIMIT
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, EngineError
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.loading.onnx_session import OnnxSession
from modelden.loading.session_pool import ROOM, WAIT_LIMIT
from modelden.settings.attachments import Attachments
from tests.simulators.blobs import MemoryBlob
from tests.simulators.loop import settle
from tests.simulators.profile import Profile
from tests.simulators.run_ways import RUN_WAYS, RunWay, run_at_once

BLOCKED = int(ANSWER_LIMIT * 1000) + 1000
BUSY = int(WAIT_LIMIT * 1000) + 500


class Page:
    """A page with raw models."""

    def __init__(self, profile: Profile, way: RunWay = run_at_once, **fields: Any) -> None:
        self.profile = profile
        self.way = way
        self.sessions = profile.sessions
        self._visit = profile.visit(replace(profile.config, **fields))

    async def open(self, model: Any = b"a model", device: str = "wasm", threads: int = 1) -> OnnxSession:
        """Open a model."""
        options = {"device": device, "numThreads": threads, "options": {}}
        return await self._visit.onnx_sessions().open(OnnxSource(model), options)

    def workers(self) -> list[list[bytes]]:
        """Return the models of each worker that has not ended."""
        return [list(worker.models.values()) for worker in self.sessions.workers if not worker.closed]

    async def start_run(self, session: OnnxSession) -> asyncio.Future[Any]:
        """Start a run, and wait until the worker has it."""
        running = self.way(session, "y")
        await settle()
        return running

    async def start_endless_run(self, session: OnnxSession) -> asyncio.Future[Any]:
        """Start a run that does not end; all later ones do."""
        self.sessions.gate.clear()
        running = await self.start_run(session)
        self.sessions.gate = asyncio.Event()
        self.sessions.gate.set()
        return running


@pytest.fixture(params=RUN_WAYS)
def page(profile: Profile, request: pytest.FixtureRequest) -> Page:
    return Page(profile, request.param)


async def run(session: OnnxSession) -> None:
    assert len(await run_at_once(session)) == 1


async def test_models_share_a_worker(page: Page) -> None:
    sessions = [await page.open(model) for model in (b"a", b"b", b"c")]

    assert page.workers() == [[b"a", b"b", b"c"]]
    for session in sessions:
        await run(session)


async def test_a_second_model_reads_no_runtime(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read = Attachments.get

    async def counted(self: Attachments, cid: str, *args: Any) -> Any:
        reads.append(cid)
        return await read(self, cid, *args)

    monkeypatch.setattr(Attachments, "get", counted)
    first, second = await page.open(b"a"), await page.open(b"b")
    assert len(reads) == 1

    first.close()
    second.close()
    await page.open(b"c")
    assert len(reads) == 2


async def test_models_that_are_opened_at_once_share_a_worker(page: Page) -> None:
    await asyncio.gather(*(page.open(model) for model in (b"a", b"b", b"c")))

    assert [sorted(models) for models in page.workers()] == [[b"a", b"b", b"c"]]


async def test_the_last_one_that_is_closed_ends_the_worker(page: Page) -> None:
    first, second = await page.open(b"a"), await page.open(b"b")

    first.close()
    first.close()
    assert page.workers() == [[b"b"]]
    await run(second)

    second.close()
    assert page.workers() == []


async def test_five_hundred_models_leave_nothing(page: Page) -> None:
    anchor = await page.open(b"anchor")
    for _ in range(500):
        (await page.open()).close()

    assert page.workers() == [[b"anchor"]]
    anchor.close()
    assert len(page.sessions.workers) == 1


async def test_other_threads_and_devices_are_other_workers(page: Page) -> None:
    await page.open(b"a")
    await page.open(b"b", threads=4)
    await page.open(b"c", device="webgpu")
    await page.open(b"d")

    assert page.workers() == [[b"a", b"d"], [b"b"], [b"c"]]


async def test_a_configuration_gives_each_its_own(profile: Profile) -> None:
    page = Page(profile, share_workers=False)

    await page.open(b"a")
    await page.open(b"b")

    assert page.workers() == [[b"a"], [b"b"]]


class Huge(MemoryBlob):
    """A model after which a worker takes no more."""

    @property
    def size(self) -> int:
        return ROOM


async def test_a_worker_that_is_full_takes_no_more(page: Page) -> None:
    await page.open(Huge(b"huge"))
    await page.open(b"b")

    assert page.workers() == [[b"huge"], [b"b"]]


async def test_a_closed_model_leaves_its_room_to_others(page: Page) -> None:
    await page.open(b"a")
    (await page.open(Huge(b"huge"))).close()

    await page.open(b"b")

    assert page.workers() == [[b"a", b"b"]]


async def test_a_model_without_memory_beside_others_has_a_worker_of_its_own(page: Page) -> None:
    first = await page.open(b"a")

    second = await page.open(b"full")

    assert page.workers() == [[b"a"], [b"full"]]
    await run(first)
    await run(second)


async def test_a_hanging_load_takes_nobody_down(page: Page) -> None:
    first = await page.open(b"a")
    page.sessions.hang = 1

    second = await page.open(b"b")

    await run(second)
    await run(first)
    assert page.workers() == [[b"b"], [b"a"]]


async def test_a_damaged_model_takes_nobody_down(page: Page) -> None:
    first = await page.open(b"a")

    with pytest.raises(EngineError, match="no ONNX model"):
        await page.open(b"corrupt")

    assert page.workers() == [[b"a"]]
    await run(first)


async def test_a_crash_is_that_of_the_session_at_work(page: Page) -> None:
    guilty, idle, waiting = [await page.open(model) for model in (b"guilty", b"idle", b"waiting")]
    running = await page.start_endless_run(guilty)
    behind = await page.start_run(waiting)

    page.sessions.workers[0].end(EngineCrashed("It died."))

    with pytest.raises(EngineCrashed):
        await running
    await behind
    await run(idle)
    assert page.workers() == [[b"waiting", b"idle"]]


async def test_models_of_a_gpu_that_was_lost_meanwhile_go_on_without(page: Page) -> None:
    first, second = await page.open(b"a", device="webgpu"), await page.open(b"b", device="webgpu")

    page.sessions.workers[0].end(DeviceLost("The device was destroyed."))

    await run(first)
    await run(second)
    assert page.workers() == [[b"a", b"b"]]
    for session in (first, second):
        assert session.info.device == "wasm"
        assert "The device was destroyed." in str(session.info.device_reason)


async def test_a_session_that_crashed_is_alone_from_then_on(page: Page) -> None:
    guilty, other = await page.open(b"guilty"), await page.open(b"other")
    running = await page.start_endless_run(guilty)
    page.sessions.workers[0].end(EngineCrashed("It died."))
    with pytest.raises(EngineCrashed):
        await running

    await run(guilty)
    await run(other)
    await page.open(b"third")

    assert page.workers() == [[b"guilty"], [b"other", b"third"]]


async def test_a_worker_that_died_while_nothing_ran_is_started_anew(page: Page) -> None:
    session = await page.open(b"a")

    page.sessions.workers[0].end(EngineCrashed("It died."))

    await run(session)
    assert page.workers() == [[b"a"]]


async def test_a_run_that_blocks_its_worker_takes_nobody_down(page: Page) -> None:
    guilty, other = await page.open(b"guilty"), await page.open(b"other")
    running = await page.start_endless_run(guilty)
    running.cancel()
    await settle()

    page.profile.timers.pass_time(BLOCKED)
    await settle()

    await run(other)
    await run(guilty)
    assert page.workers() == [[b"other"], [b"guilty"]]


async def test_a_session_that_waits_for_another_one_moves(page: Page) -> None:
    slow, quick = await page.open(b"slow"), await page.open(b"quick")
    running = await page.start_endless_run(slow)
    behind = await page.start_run(quick)
    assert not behind.done()

    page.profile.timers.pass_time(BUSY)

    await behind
    assert page.workers() == [[b"slow"], [b"quick"]]
    assert not running.done()
    running.cancel()


async def test_a_run_waits_a_little_for_its_turn(page: Page) -> None:
    first, second = await page.open(b"a"), await page.open(b"b")
    gate = page.sessions.gate
    running = await page.start_endless_run(first)
    waiting = [await page.start_run(second), await page.start_run(second), await page.start_run(first)]
    waiting[0].cancel()

    gate.set()

    await asyncio.gather(running, *waiting[1:])
    assert page.workers() == [[b"a", b"b"]]
    page.profile.timers.pass_time(BUSY)
    await run(second)
    assert page.workers() == [[b"a", b"b"]]


async def test_no_model_is_opened_where_another_one_runs(page: Page) -> None:
    first = await page.open(b"a")
    running = await page.start_endless_run(first)

    second = await page.open(b"b")

    await run(second)
    assert page.workers() == [[b"a"], [b"b"]]
    running.cancel()


async def test_closing_a_session_ends_its_run(page: Page) -> None:
    slow, other = await page.open(b"slow"), await page.open(b"other")
    running = await page.start_endless_run(slow)

    slow.close()

    with pytest.raises(EngineClosed):
        await running
    await run(other)
    assert page.workers() == [[b"other"]]


async def test_closing_a_session_ends_its_wait(page: Page) -> None:
    first, second = await page.open(b"a"), await page.open(b"b")
    gate = page.sessions.gate
    running = await page.start_endless_run(first)
    behind = await page.start_run(second)

    second.close()
    gate.set()

    await running
    with pytest.raises(EngineClosed):
        await behind
    assert page.workers() == [[b"a"]]
