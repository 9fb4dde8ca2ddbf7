from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from modelden.context import Context
from modelden.core.events import Event
from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.errors import (
    EngineClosed,
    EngineCrashed,
    EngineError,
    EngineTimeout,
    LoadEndedPage,
    NetworkError,
    NotEnoughMemory,
    SyncUnavailable,
)
from modelden.host.serve.server import Application
from modelden.host.testing import Fault
from tests.simulators.profile import Profile

FEATURE = "simple-text-embedder"


def asked(**options: Any) -> PipelineOptions:
    return PipelineOptions.of({"feature_id": FEATURE, **options}, own_features=True)


async def engine_of(context: Context, **options: Any) -> Engine:
    return await context.create_engine(asked(**options))


async def until_running(profile: Profile, engine: Engine) -> asyncio.Task[Any]:
    """A run that is under way until the gate opens."""
    profile.engines.gate.clear()
    running = asyncio.ensure_future(engine.run("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return running


async def test_the_same_options_get_the_engine_that_is_there(profile: Profile) -> None:
    context = profile.visit()
    one = await engine_of(context, timeout_ms=-1)
    profile.requests()

    assert await engine_of(context, timeout_ms=5, flow_id="another", log_level="All") is one
    assert profile.requests() == []
    assert len(profile.engines.workers) == 1


async def test_engines_asked_for_at_once_are_one(profile: Profile) -> None:
    context = profile.visit()

    one, other = await asyncio.gather(engine_of(context), engine_of(context))

    assert one is other
    assert len(profile.engines.workers) == 1


async def test_other_options_end_the_engine_of_that_name_first(profile: Profile) -> None:
    context = profile.visit()
    one = await engine_of(context)
    ends: list[bool] = []
    one.on_status(lambda _: ends.append(len(profile.engines.workers) == 1))

    other = await engine_of(context, num_threads=2)

    assert ends == [True]  # before the next worker was started
    assert (one.status, other.status) == ("closed", "ready")
    assert profile.engines.alive == 1
    with pytest.raises(EngineClosed, match="was replaced by one with other options"):
        await one.run("a")
    assert (await other.run("a"))["args"] == ["a"]


async def test_engines_of_different_names_live_side_by_side(profile: Profile) -> None:
    context = profile.visit()
    one, other = await asyncio.gather(engine_of(context), engine_of(context, engine_id="mine"))

    assert {one.engine_id, other.engine_id} == {"simple-text-embedder-engine", "mine"}
    assert profile.engines.alive == 2


async def test_an_idle_engine_is_closed_and_comes_back_with_the_next_run(profile: Profile) -> None:
    engine = await engine_of(profile.visit())
    statuses: list[str] = []
    engine.on_status(statuses.append)

    profile.timers.pass_time(119_999)
    assert engine.status == "ready"
    profile.timers.pass_time(1)
    assert (engine.status, profile.engines.alive, profile.timers.waiting) == ("closed", 0, 0)

    assert (await engine.run("a"))["args"] == ["a"]
    assert statuses == ["closed", "uninitialized", "ready"]
    assert len(profile.engines.workers) == 2


async def test_runs_put_idleness_off(profile: Profile) -> None:
    engine = await engine_of(profile.visit(), timeout_ms=1000)
    for _ in range(5):
        profile.timers.pass_time(900)
        await engine.run("a")

    assert (engine.status, profile.timers.waiting) == ("ready", 1)
    profile.timers.pass_time(1000)
    assert engine.status == "closed"


async def test_a_run_is_never_cut_off_by_idleness(profile: Profile) -> None:
    engine = await engine_of(profile.visit(), timeout_ms=1000)
    running = await until_running(profile, engine)

    profile.timers.pass_time(100_000)
    assert not running.done()
    assert profile.engines.alive == 1
    profile.engines.gate.set()
    await running

    profile.timers.pass_time(1000)
    assert engine.status == "closed"


async def test_without_a_timeout_nothing_waits(profile: Profile) -> None:
    await engine_of(profile.visit(), timeout_ms=-1)

    assert profile.timers.waiting == 0


async def test_the_configurations_timeout_is_that_of_engines_without_one(profile: Profile) -> None:
    engine = await engine_of(profile.visit(replace(profile.config, engine_timeout_ms=50)))

    profile.timers.pass_time(50)

    assert engine.status == "closed"


async def test_asking_again_for_an_engine_that_sleeps_wakes_it(profile: Profile) -> None:
    context = profile.visit()
    engine = await engine_of(context)
    profile.timers.pass_time(120_000)

    assert await engine_of(context) is engine
    assert engine.status == "ready"


async def test_a_crashed_worker_fails_its_runs_and_is_replaced_with_the_next(profile: Profile) -> None:
    engine = await engine_of(profile.visit())
    statuses: list[str] = []
    engine.on_status(statuses.append)
    running = await until_running(profile, engine)

    profile.engines.workers[0].crash()
    with pytest.raises(EngineCrashed):
        await running
    assert (engine.status, profile.timers.waiting) == ("crashed", 0)

    profile.engines.gate.set()
    assert (await engine.run("b"))["args"] == ["b"]
    assert statuses == ["crashed", "uninitialized", "ready"]


async def test_closing_fails_what_runs_and_what_follows(profile: Profile) -> None:
    engine = await engine_of(profile.visit())
    running = await until_running(profile, engine)

    await engine.close()
    await engine.close()

    with pytest.raises(EngineClosed):
        await running
    with pytest.raises(EngineClosed, match="create a new one"):
        await engine.run("a")
    assert (engine.status, profile.engines.alive, profile.timers.waiting) == ("closed", 0, 0)


async def test_after_closing_the_same_options_get_a_new_engine(profile: Profile) -> None:
    context = profile.visit()
    async with await engine_of(context) as one:
        pass

    other = await engine_of(context)

    assert other is not one
    assert (await other.run("a"))["args"] == ["a"]


async def test_a_cancelled_creation_ends_its_worker(profile: Profile) -> None:
    context = profile.visit()
    creating = asyncio.ensure_future(engine_of(context))
    await profile.engines.loading.wait()

    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating

    assert profile.engines.alive == 0
    assert (await engine_of(context)).status == "ready"


async def test_closing_while_an_engine_comes_back_stops_that(profile: Profile) -> None:
    engine = await engine_of(profile.visit())
    profile.timers.pass_time(120_000)
    profile.engines.loading.clear()
    running = asyncio.ensure_future(engine.run("a"))
    await profile.engines.loading.wait()

    await engine.close()

    with pytest.raises(EngineClosed, match="create a new one"):
        await running
    assert profile.engines.alive == 0


async def test_an_engine_that_cannot_be_loaded_leaves_nothing(profile: Profile, application: Application) -> None:
    context = profile.visit()
    application.faults.set(Fault(path="/hub/*", status=500))
    with pytest.raises(Exception, match="500"):
        await engine_of(context)
    assert (profile.engines.alive, profile.timers.waiting) == (0, 0)

    application.faults.set()
    assert (await engine_of(context)).status == "ready"


async def test_a_worker_that_hangs_is_tried_once_more_with_one_thread(profile: Profile) -> None:
    profile.engines.hang = 1

    engine = await engine_of(profile.visit(), num_threads=4)

    assert [worker.created["numThreads"] for worker in profile.engines.workers] == [4, 1]
    reason = "with more threads the engine gave no sign of life while it loaded"
    assert engine.info() == {"threads": 1, "threadsReason": reason, "writes": False}
    assert profile.engines.alive == 1


async def test_a_worker_that_hangs_with_one_thread_had_what_it_was_to_have(profile: Profile) -> None:
    profile.engines.hang = 1

    assert (await engine_of(profile.visit(), num_threads=1)).info() == {"threads": 1, "writes": False}


async def test_a_worker_that_hangs_again_is_given_up(profile: Profile) -> None:
    profile.engines.hang = 2

    with pytest.raises(EngineTimeout):
        await engine_of(profile.visit(), num_threads=4)

    assert (len(profile.engines.workers), profile.engines.alive) == (2, 0)


async def test_a_model_that_needs_more_memory_than_there_is_is_not_loaded(profile: Profile) -> None:
    with pytest.raises(NotEnoughMemory, match=r"Required Memory: 0\.15 GiB") as caught:
        await engine_of(profile.visit(replace(profile.config, memory_limit=1000)))

    assert caught.value.required > caught.value.available == 1000
    assert "onnx/model_quantized.onnx" not in profile.engines.workers[0].received
    assert profile.engines.alive == 0


async def test_weights_that_would_not_fit_do_not_even_come(profile: Profile) -> None:
    context = profile.visit(replace(profile.config, memory_limit=1000))
    events: list[Event] = []
    profile.events.on("download", events.append)

    with pytest.raises(NotEnoughMemory):
        await engine_of(context)

    weights = [event.name for event in events if event.detail["metadata"].get("file") == "onnx/model_quantized.onnx"]
    assert weights == ["initiate", "done"]  # no byte
    kept = await (await context.hub()).store.list_files("localhost/org/tiny", "v1.0")
    assert "onnx/model_quantized.onnx" not in [file.path for file in kept]


async def test_half_of_the_devices_memory_is_there_for_a_model(profile: Profile) -> None:
    profile.page.memory = 2 * 1024

    with pytest.raises(NotEnoughMemory) as caught:
        await engine_of(profile.visit())

    assert caught.value.available == 1024


async def killed_while_loading(profile: Profile, times: int = 1) -> None:
    """Pages that end in the middle of a load, one after the other."""
    profile.engines.hang = -1
    for _ in range(times):
        context = profile.visit()
        creating = asyncio.ensure_future(engine_of(context))
        await profile.engines.stuck.wait()
        profile.engines.stuck.clear()
        context.ports.presence.dead = True  # type: ignore[attr-defined]  # a simulator's
        profile.lost.append(creating)  # nothing of the page goes on, not even its clean-up
    profile.engines.hang = 0


async def test_after_a_load_that_ended_its_page_the_next_takes_one_thread(profile: Profile) -> None:
    await killed_while_loading(profile)

    engine = await engine_of(profile.visit(), num_threads=4)

    assert profile.engines.workers[-1].created["numThreads"] == 1
    assert "ended its page" in engine.info()["threadsReason"]
    assert await (await profile.database("modelden")).get_all("loads") == []


async def test_after_two_such_loads_the_next_asks_and_asked_again_does_it(profile: Profile) -> None:
    await killed_while_loading(profile, times=2)
    context = profile.visit()

    with pytest.raises(LoadEndedPage, match="ended 2 times in a row while it loaded org/tiny") as caught:
        await engine_of(context)
    assert caught.value.times == 2

    assert (await engine_of(context)).status == "ready"


async def test_another_tab_that_is_loading_is_no_page_that_ended(profile: Profile) -> None:
    other = profile.visit()
    await killed_while_loading(profile)
    profile.presence.revive()

    await other.create_engine(asked(num_threads=4))

    assert profile.engines.workers[-1].created["numThreads"] == 4


async def test_metrics_and_events(profile: Profile) -> None:
    events: list[Event] = []
    for kind in ("download", "engine", "run", "error"):
        profile.events.on(kind, events.append)
    engine = await engine_of(profile.visit())
    before = engine.last_metrics
    assert before is None

    await engine.run("a")
    with pytest.raises(EngineError, match="refused"):
        await engine.run("refuse")
    await engine.close()

    metrics = engine.last_metrics
    assert metrics is not None
    assert (metrics.input_tokens, metrics.inference_time, metrics.time_to_first_token) == (4, 2.0, None)
    assert metrics.run_timestamps == (("runStart", 1.0), ("runEnd", 3.0))
    names = [(event.type, event.name) for event in events if event.type != "download"]
    assert names == [
        ("engine", "uninitialized"),
        ("engine", "ready"),
        ("run", "done"),
        ("error", "EngineError"),
        ("engine", "closed"),
    ]
    assert {event.engine_id for event in events if event.type != "download"} == {engine.engine_id}
    assert {event.detail["type"] for event in events if event.type == "download"} == {"downloading", "loading_runtime"}
    (error,) = [event for event in events if event.type == "error"]
    assert error.detail == {"message": "The model refused it.", "while": "run"}


async def test_a_creation_that_fails_is_an_event(profile: Profile, application: Application) -> None:
    events: list[Event] = []
    profile.events.on("error", events.append)
    application.faults.set(Fault(path="/hub/*", drop_cors=True))

    with pytest.raises(NetworkError):
        await engine_of(profile.visit())

    (event,) = events
    assert (event.name, event.detail["while"]) == ("NetworkError", "create")


async def test_listeners_that_fail_harm_nobody(profile: Profile, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise ValueError("no")

    profile.events.on("engine", fail)
    engine = await engine_of(profile.visit())
    off = engine.on_status(fail)

    await engine.close()
    off()
    off()

    assert "A listener failed on the event engine ready" in caplog.text
    assert "A status listener failed" in caplog.text


def test_sync_runs_where_python_can_be_suspended(profile: Profile) -> None:
    async def create() -> Engine:
        return await engine_of(profile.visit(), timeout_ms=-1)

    engine = asyncio.run(create())
    with pytest.raises(SyncUnavailable, match=r"await engine\.run"):
        engine.run_sync("a")

    profile.suspender.able = True
    assert engine.run_sync("a", pooling="cls") == {"args": ["a"], "options": {"pooling": "cls"}}
