"""An engine's life over a loader that a test decides about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from modelden._js.page_locks import PageLocks
from modelden.core.events import Event, Events
from modelden.engine.engine_runner import EngineRunner
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import Plan
from modelden.engine.update_status import UPDATE_AVAILABLE
from modelden.errors import EngineError, ModelDenError, SignatureError, UnavailableError
from modelden.hub.store.usage import ModelLease
from modelden.loading.engine_loader import LoadedModel
from modelden.loading.update_fallback import LoaderWithFallback
from modelden.ports import WorkerSpec
from tests.simulators.engines import ScriptedEngines, ScriptedWorker
from tests.simulators.profile import Profile

REQUEST = PipelineOptions.of({"task_name": "feature-extraction", "timeout_ms": -1})
PLAN = Plan(REQUEST, {"name": "runtime.wasm", "version": "5.0", "attachment": {"hash": "ab"}})


class StubLoader:
    """Loads at once, after a call of `on_load`; planning and loading raise what a test sets."""

    def __init__(self) -> None:
        self.engines = ScriptedEngines([])
        self.on_load: Callable[[], object] = lambda: None
        self.plan_error: ModelDenError | None = None
        self.load_error: ModelDenError | None = None

    async def plan(self, *_: Any) -> Plan:
        if self.plan_error is not None:
            raise self.plan_error
        return PLAN

    async def update_state(self, *_: Any, **__: Any) -> str:
        return UPDATE_AVAILABLE

    async def open(self, *_: Any, **__: Any) -> LoadedModel:
        if self.load_error is not None:
            raise self.load_error
        self.on_load()
        worker = ScriptedWorker(self.engines, WorkerSpec("engine.js", "runtime.mjs", "", 0))
        self.engines.workers.append(worker)
        return LoadedModel(PLAN, worker, {"writes": False}, frozenset(), ModelLease(PageLocks()))

    async def load(self, *_: Any, **__: Any) -> LoadedModel:
        return await self.open()

    def emit_update_failed(self, *_: Any) -> None:
        pass

    async def delete_previous_revisions(self, *_: Any) -> None:
        pass


@pytest.fixture
def loader() -> StubLoader:
    return StubLoader()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def runner(profile: Profile, loader: StubLoader, events: list[Event]) -> EngineRunner:
    listeners = Events()
    listeners.on("error", events.append)
    ports = profile.visit().ports
    return EngineRunner(REQUEST, cast("LoaderWithFallback", loader), ports, listeners)


async def test_a_load_that_is_cancelled_in_the_turn_in_which_it_succeeds_leaves_no_worker(
    runner: EngineRunner, loader: StubLoader
) -> None:
    creating = asyncio.ensure_future(runner.open())
    loader.on_load = lambda: asyncio.get_running_loop().call_soon(creating.cancel)

    with pytest.raises(asyncio.CancelledError):
        await creating

    assert len(loader.engines.workers) == 1
    assert loader.engines.alive == 0


async def test_a_load_that_is_ended_in_the_turn_in_which_it_succeeds_leaves_no_worker(
    runner: EngineRunner, loader: StubLoader
) -> None:
    loader.on_load = lambda: asyncio.get_running_loop().call_soon(runner.end, "It was closed.")

    with pytest.raises(EngineError, match="It was closed"):
        await runner.open()

    assert len(loader.engines.workers) == 1
    assert loader.engines.alive == 0


async def test_forged_settings_are_an_error_event_and_leave_an_engine_as_it_is(
    runner: EngineRunner, loader: StubLoader, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    await runner.open()
    loader.plan_error = SignatureError("main/ml-inference-options", "https://settings.example", "it is forged")

    await runner.refresh()

    assert [(event.name, event.detail["while"]) for event in events] == [("SignatureError", "update")]
    assert "goes on as it is" in caplog.text
    assert (runner.status, loader.engines.alive) == ("ready", 1)


async def test_a_server_that_cannot_be_reached_is_no_event_of_an_engine_that_is_loaded(
    runner: EngineRunner, loader: StubLoader, events: list[Event]
) -> None:
    await runner.open()
    loader.plan_error = UnavailableError("The network is down.")

    await runner.refresh()

    assert events == []
    assert runner.status == "ready"


@pytest.mark.parametrize("step", ["plan_error", "load_error"])
async def test_an_update_that_fails_is_one_error_event(
    runner: EngineRunner, loader: StubLoader, events: list[Event], step: str
) -> None:
    await runner.open()
    setattr(loader, step, UnavailableError("The network is down."))

    with pytest.raises(UnavailableError):
        await runner.update()

    assert [(event.name, event.detail["while"]) for event in events] == [("UnavailableError", "update")]
    assert (runner.status, loader.engines.alive) == ("ready", 1)


async def test_a_worker_that_cannot_be_closed_hides_nothing(
    runner: EngineRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: ScriptedWorker) -> None:
        raise RuntimeError("the worker is gone")

    await runner.open()
    monkeypatch.setattr(ScriptedWorker, "close", fail)

    runner.end("It was closed.")

    assert runner.status == "closed"
    assert "the worker is gone" in caplog.text
