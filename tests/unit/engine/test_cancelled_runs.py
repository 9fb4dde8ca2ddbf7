"""A cancelled run leaves a working engine, whatever its worker does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.engine.slot import ANSWER_LIMIT
from modelden.engine.streaming import Chunk
from modelden.errors import EngineClosed, EngineCrashed, EngineTimeout, InputError
from tests.simulators.loop import settle
from tests.simulators.profile import Profile

LIMIT = int(ANSWER_LIMIT * 1000) + 1000
HOUR = 3_600_000


@pytest.fixture
async def engine(profile: Profile) -> Engine:
    """An engine whose worker does not hear a cancellation."""
    profile.engines.ignores_cancellation = True
    return await profile.visit().create_engine(request("feature-extraction"))


def request(task: str) -> Any:
    return PipelineOptions.of({"task_name": task, "model_id": "org/tiny", "model_revision": "v1.0", "timeout_ms": -1})


async def cancel_a_run(profile: Profile, engine: Engine) -> None:
    """Cancel a run that does not end."""
    profile.engines.gate.clear()
    running = asyncio.ensure_future(engine.run("evil"))
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_worker_that_a_cancelled_run_blocks_is_ended_and_the_next_run_has_a_new_one(
    profile: Profile, engine: Engine
) -> None:
    await cancel_a_run(profile, engine)
    assert engine.status == "ready"

    profile.timers.pass_time(LIMIT)

    assert (engine.status, profile.engines.alive) == ("closed", 0)
    profile.requests()
    profile.engines.gate.set()
    assert (await engine.run("good"))["args"] == ["good"]
    assert len(profile.engines.workers) == 2
    assert profile.requests() == []


async def test_a_run_that_waits_behind_it_is_repeated(profile: Profile, engine: Engine) -> None:
    await cancel_a_run(profile, engine)
    waiting = asyncio.ensure_future(engine.run("good"))
    await settle()

    profile.engines.gate = asyncio.Event()
    profile.engines.gate.set()
    profile.timers.pass_time(LIMIT)

    assert (await waiting)["args"] == ["good"]
    assert len(profile.engines.workers) == 2


async def test_a_worker_that_answers_in_time_goes_on(profile: Profile, engine: Engine) -> None:
    await cancel_a_run(profile, engine)
    profile.timers.pass_time(LIMIT - 2000)
    profile.engines.gate.set()
    await settle()

    profile.timers.pass_time(HOUR)

    await engine.run("good")
    assert len(profile.engines.workers) == 1
    assert profile.timers.waiting == 0


async def test_a_frozen_tab_is_no_worker_that_does_not_answer(profile: Profile, engine: Engine) -> None:
    await cancel_a_run(profile, engine)
    profile.timers.pass_time(LIMIT - 2000)

    profile.timers.freeze(HOUR)
    profile.engines.gate.set()
    await settle()
    profile.timers.pass_time(HOUR)

    await engine.run("good")
    assert len(profile.engines.workers) == 1


async def test_a_run_that_somebody_waits_for_may_take_its_time(profile: Profile, engine: Engine) -> None:
    profile.engines.gate.clear()
    first = asyncio.ensure_future(engine.run("long"))
    await settle()
    second = asyncio.ensure_future(engine.run("behind it"))
    await settle()
    second.cancel()
    await settle()

    profile.timers.pass_time(HOUR)
    assert profile.engines.alive == 1

    profile.engines.gate.set()
    assert (await first)["args"] == ["long"]


async def test_closing_ends_everything_at_once(profile: Profile, engine: Engine) -> None:
    await cancel_a_run(profile, engine)
    waiting = asyncio.ensure_future(engine.run("good"))
    await settle()

    await engine.close()

    with pytest.raises(EngineClosed):
        await waiting
    await settle()
    assert profile.engines.alive == 0
    assert profile.timers.waiting == 0


async def test_another_engine_of_the_name_does_not_wait(profile: Profile, engine: Engine) -> None:
    await cancel_a_run(profile, engine)

    context = profile.visit()
    other = await context.create_engine(request("feature-extraction"))

    profile.engines.gate.set()
    assert (await other.run("good"))["args"] == ["good"]


async def test_a_timeout_is_an_error_and_stops_the_run(profile: Profile, engine: Engine) -> None:
    profile.engines.gate.clear()
    running = asyncio.ensure_future(engine.run("evil", timeout=2.5))
    await settle()
    profile.timers.pass_time(2400)
    profile.timers.freeze(HOUR)
    await settle()
    assert not running.done()
    profile.timers.pass_time(2600)

    with pytest.raises(EngineTimeout, match=r"its timeout of 2.5 s"):
        await running

    profile.timers.pass_time(LIMIT)
    assert profile.engines.alive == 0
    profile.engines.gate.set()
    assert (await engine.run("good", timeout=1))["args"] == ["good"]


@pytest.mark.parametrize("limit", [0, -1, "2", float("nan"), True, [], object(), 1j])
async def test_a_timeout_that_is_no_time_is_refused(engine: Engine, limit: Any) -> None:
    with pytest.raises(InputError, match="timeout: expected a number of seconds"):
        await engine.run("good", timeout=limit)


@pytest.mark.parametrize("limit", [None, 1, 0.5, float("inf"), 10**400])
async def test_any_other_is_a_limit_or_none(engine: Engine, limit: Any) -> None:
    assert (await engine.run("good", timeout=limit))["args"] == ["good"]


async def test_the_exception_of_a_listener_blocks_nobody(profile: Profile) -> None:
    profile.engines.ignores_cancellation = True
    engine = await profile.visit().create_engine(request("text-generation"))

    def fail(_: Chunk) -> None:
        raise LookupError("the listener's own")

    with pytest.raises(LookupError):
        await engine.run("some words", on_token=fail)

    assert (await engine.run("good"))["args"] == ["good"]


async def test_a_stream_behind_a_blocked_worker_begins_in_the_next_one(profile: Profile) -> None:
    profile.engines.ignores_cancellation = True
    engine = await profile.visit().create_engine(request("text-generation"))
    await cancel_a_run(profile, engine)

    async def read() -> list[str]:
        return [chunk.text async for chunk in engine.stream("two words")]

    reading = asyncio.ensure_future(read())
    await settle()
    profile.engines.gate = asyncio.Event()
    profile.engines.gate.set()
    profile.timers.pass_time(LIMIT)

    assert await reading == ["two", "words"]


async def test_a_stream_that_is_left_blocks_nobody(profile: Profile) -> None:
    profile.engines.ignores_cancellation = True
    engine = await profile.visit().create_engine(request("text-generation"))
    profile.engines.gate.clear()
    stream = engine.stream("two words")
    reading = asyncio.ensure_future(anext(stream))
    await settle()
    await stream.aclose()
    reading.cancel()
    await settle()

    profile.timers.pass_time(LIMIT)

    assert profile.engines.alive == 0
    profile.engines.gate.set()
    assert (await engine.run("good"))["args"] == ["good"]


async def test_a_crash_is_still_a_crash(profile: Profile, engine: Engine) -> None:
    profile.engines.gate.clear()
    running = asyncio.ensure_future(engine.run("good"))
    await settle()
    profile.engines.workers[-1].crash()

    with pytest.raises(EngineCrashed):
        await running
    assert engine.status == "crashed"
