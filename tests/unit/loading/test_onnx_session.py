"""A session whose cancelled run blocks its worker has a new one for the next run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from modelden.engine.slot import ANSWER_LIMIT
from modelden.errors import EngineClosed, EngineTimeout
from modelden.hub.catalog.names import ModelFile
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.loading.onnx_session import OnnxSession
from tests.simulators.loop import settle
from tests.simulators.profile import Profile
from tests.simulators.run_ways import RUN_WAYS, RunWay
from tests.unit.conftest import write

OPTIONS: dict[str, Any] = {"device": "wasm", "numThreads": 1, "options": {}}
LIMIT = int(ANSWER_LIMIT * 1000) + 1000


@pytest.fixture(params=["hub", "path", "bytes"])
async def session(profile: Profile, tree: Path, tmp_path: Path, request: pytest.FixtureRequest) -> OnnxSession:
    write(tree / "hub/org/raw/v1.0/onnx/model.onnx", b"a model")
    write(tmp_path / "model.onnx", b"a model")
    sources = {
        "hub": ModelFile("org/raw", "v1.0", "onnx/model.onnx"),
        "path": tmp_path / "model.onnx",
        "bytes": b"a model",
    }
    return await profile.visit().onnx_sessions().open(OnnxSource(sources[request.param]), OPTIONS)


@pytest.fixture(params=RUN_WAYS)
def way(request: pytest.FixtureRequest) -> RunWay:
    way: RunWay = request.param
    return way


async def cancel_a_run(profile: Profile, session: OnnxSession, way: RunWay) -> None:
    profile.sessions.gate.clear()
    running = way(session, "y")
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_next_run_has_a_new_worker(profile: Profile, session: OnnxSession, way: RunWay) -> None:
    await cancel_a_run(profile, session, way)
    profile.timers.pass_time(LIMIT)
    assert [worker.closed for worker in profile.sessions.workers] == [True]
    profile.requests()
    profile.sessions.gate.set()

    assert len(await way(session, "y")) == 1

    assert [worker.closed for worker in profile.sessions.workers] == [True, False]
    assert profile.requests() == []


async def test_a_run_behind_it_is_repeated(profile: Profile, session: OnnxSession, way: RunWay) -> None:
    await cancel_a_run(profile, session, way)
    waiting = [way(session, name) for name in "ab"]
    await settle()
    profile.sessions.gate = asyncio.Event()
    profile.sessions.gate.set()

    profile.timers.pass_time(LIMIT)

    assert [len(await each) for each in waiting] == [1, 1]
    assert len(profile.sessions.workers) == 2


async def test_closing_it_ends_everything(profile: Profile, session: OnnxSession, way: RunWay) -> None:
    await cancel_a_run(profile, session, way)
    waiting = way(session, "y")
    await settle()

    session.close()

    with pytest.raises(EngineClosed):
        await waiting
    profile.timers.pass_time(LIMIT)
    assert [worker.closed for worker in profile.sessions.workers] == [True]


async def test_it_can_be_closed_after_its_worker_was_ended(profile: Profile, session: OnnxSession, way: RunWay) -> None:
    await cancel_a_run(profile, session, way)
    profile.timers.pass_time(LIMIT)

    session.close()

    with pytest.raises(EngineClosed):
        await way(session, "y")


async def test_a_timeout_is_an_error(profile: Profile, session: OnnxSession) -> None:
    profile.sessions.gate.clear()
    running = asyncio.ensure_future(session.infer(["y"], [{}], 1.5))
    await settle()

    profile.timers.pass_time(1600)

    with pytest.raises(EngineTimeout):
        await running
