"""Engines whose GPU goes: they go on with wasm, and say why."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modelden.context import Context
from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.errors import DeviceLost
from tests.simulators.profile import Profile

REASON = "the GPU process was killed"
REPORT = f"the GPU device was lost: {REASON}"


async def engine_of(context: Context, device: str = "gpu", task: str = "feature-extraction") -> Engine:
    request = {"task_name": task, "model_id": "org/tiny", "model_revision": "v1.0", "device": device}
    return await context.create_engine(PipelineOptions.of(request, own_features=True))


def devices(profile: Profile) -> list[str]:
    return [worker.created["device"] for worker in profile.engines.workers]


async def under_way(profile: Profile, engine: Engine, **options: Any) -> asyncio.Task[Any]:
    """A run that its worker has begun, and that would not end."""
    profile.engines.gate.clear()
    running = asyncio.ensure_future(engine.run("a b", **options))
    started = asyncio.ensure_future(profile.engines.workers[-1].run_started.wait())
    await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
    assert started.done(), running.exception()
    return running


@pytest.mark.parametrize("device", ["gpu", "auto"])
async def test_the_run_is_done_again_with_wasm(profile: Profile, device: str) -> None:
    engine = await engine_of(profile.visit(), device)
    statuses: list[str] = []
    engine.on_status(statuses.append)
    running = await under_way(profile, engine)

    profile.engines.workers[0].crash(DeviceLost(REASON))
    profile.engines.gate.set()

    assert (await running)["args"] == ["a b"]
    assert devices(profile) == ["webgpu", "wasm"]
    assert engine.info()["deviceReason"] == REPORT
    assert statuses == ["crashed", "uninitialized", "ready"]
    assert profile.engines.alive == 1


async def test_what_was_told_already_is_not_told_again(profile: Profile) -> None:
    engine = await engine_of(profile.visit(), task="text-generation")
    running = await under_way(profile, engine, on_token=lambda _: None)

    profile.engines.workers[0].crash(DeviceLost(REASON))
    profile.engines.gate.set()

    with pytest.raises(DeviceLost, match="goes on with wasm when it is next used") as caught:
        await running
    assert caught.value.reason == REASON
    assert (await engine.run("a"))["args"] == ["a"]
    assert devices(profile) == ["webgpu", "wasm"]


async def test_it_stays_with_wasm_when_it_sleeps_and_when_it_moves(profile: Profile) -> None:
    engine = await engine_of(profile.visit())
    profile.engines.workers[0].crash(DeviceLost(REASON))
    await engine.run("a")

    profile.timers.pass_time(120_000)
    assert engine.status == "closed"
    await engine.run("a")
    assert await engine.update() is False  # what was decided did not change

    assert devices(profile) == ["webgpu", "wasm", "wasm"]
    assert engine.info()["deviceReason"] == REPORT


async def test_a_gpu_that_goes_while_the_model_is_loaded(profile: Profile) -> None:
    profile.engines.lose_gpu = REASON

    engine = await engine_of(profile.visit())

    assert devices(profile) == ["webgpu", "wasm"]
    assert (engine.status, engine.info()["deviceReason"], profile.engines.alive) == ("ready", REPORT, 1)


async def test_wasm_needs_no_reason(profile: Profile) -> None:
    assert "deviceReason" not in (await engine_of(profile.visit(), "wasm")).info()


def test_a_reason_that_is_a_sentence_ends_once() -> None:
    assert "lost: The device was destroyed. An engine" in str(DeviceLost("The device was destroyed."))
