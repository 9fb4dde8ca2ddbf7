"""Scenarios with ports that suspend and refuse (`tests.simulators.chaos`).

Each port call of a scenario in turn is refused with each error that it documents, delayed, and cancelled before and
after it has its effect, and the page is killed at it. A seed chooses episodes with several faults. Whatever happens, no
task hangs, only errors of this package come out, and nothing half stored, no lock, timer, worker or task is left. The
scenario succeeds afterwards, in the same page and in a new one.

A failure prints the faults and the seed. ``MODELDEN_CHAOS_FAULTS="12:refused:1 40:cancelled:0"`` replays these faults
in the tests that ``-k`` chooses. ``MODELDEN_CHAOS_SEED=7`` chooses other episodes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Sequence
from random import Random
from typing import Any

import pytest

from modelden.context import Context
from modelden.engine.options import PipelineOptions
from modelden.hub.catalog.names import ModelFile
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.model_hub import ModelHub
from modelden.remote_settings import poll_settings
from modelden.sharing import export_model, import_files
from modelden.storage import storage_info
from tests.simulators.blobs import MemoryBlob
from tests.simulators.chaos import KINDS, REFUSED, Fault, faults_of
from tests.simulators.database import MemoryDatabases
from tests.unit.chaos_episode import Act, Episode, Scenario, Visit
from tests.unit.chaos_world import CHANGED, NEW, OLD, WEIGHTS, World
from tests.unit.conftest import FILES

SEED = int(os.environ.get("MODELDEN_CHAOS_SEED", "1"))
FAULTS = [Fault.parse(each) for each in os.environ.get("MODELDEN_CHAOS_FAULTS", "").split()]

PARTS = 4
"""Tests that share the episodes of a scenario, so that the cores of a machine can share them."""

SEVERAL = 5
"""Episodes with several faults in each of these tests."""

SHORT, LONG = 60, 130
"""Calls up to which each of a scenario's calls gets all faults, or all errors and one of `KINDS` in turn.

A call of a longer scenario gets one fault in turn.
"""

LEAST = 2_000
"""Faults that are placed at least."""

MODEL = "localhost/org/tiny"
PINNED: dict[str, Any] = {"task_name": "feature-extraction", "model": "org/tiny", "revision": "v1.0", "file": WEIGHTS}
MAIN: dict[str, Any] = {**PINNED, "revision": "main"}
EMBED = {"feature_id": "simple-text-embedder", "timeout_ms": -1}
SUMMARIZE = {"task_name": "summarization", "timeout_ms": -1}
RAW = OnnxSource(ModelFile("org/raw", "v1.0", "onnx/model.onnx"))
RAW_OPTIONS: dict[str, Any] = {"device": "wasm", "numThreads": 4, "options": {}}


def get(file: dict[str, Any], *contents: bytes) -> Act:
    async def act(_visit: Visit) -> None:
        assert await (await ModelHub().get_model_file(**file)).read() in contents

    return act


def create(options: dict[str, Any]) -> Act:
    async def act(visit: Visit) -> None:
        await visit.create_engine(**options)
        await run(visit)

    return act


async def run(visit: Visit) -> None:
    assert (await visit.engines[-1].run("a"))["args"] == ["a"]


async def prefetch(visit: Visit) -> None:
    await visit.context.prefetch(PipelineOptions.of(EMBED, own_features=True))


async def update(visit: Visit) -> None:
    await poll_settings()
    await visit.engines[0].update()
    assert visit.engines[0].model_revision == "v2.0"
    await run(visit)


async def delete(_visit: Visit) -> None:
    await ModelHub().delete_models(model=MODEL, revision="v1.0")
    assert await ModelHub().list_models() == []


async def delete_by_engine(_visit: Visit) -> None:
    await ModelHub().delete_files_by_engine("simple-text-embedder-engine")
    assert await ModelHub().list_models() == []


async def purge(_visit: Visit) -> None:
    await ModelHub().purge()
    assert await ModelHub().list_models() == []


async def both(*acts: Awaitable[None]) -> None:
    """Wait for all, then raise the first error."""
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if result is not None:
            raise result


async def delete_during_use(visit: Visit) -> None:
    await both(delete(visit), run(visit))
    await run(visit)


async def delete_during_load(visit: Visit) -> None:
    await both(ModelHub().delete_models(model=MODEL, revision="v1.0"), create(EMBED)(visit))


async def list_all(_visit: Visit) -> list[int]:
    hub = ModelHub()
    models = await hub.list_models()
    files = [file for each in models for file in await hub.list_files(model=each.name, revision=each.revision)]
    used = await hub.list_files(task_name="feature-extraction")
    await storage_info()
    return [len(models), len(files), len(used)]


async def pin_and_verify(_visit: Visit) -> list[bool]:
    hub = ModelHub()
    await hub.pin(MODEL, "v1.0")
    verified = await hub.verify(model=MODEL, revision="v1.0")
    await hub.pin(MODEL, "v1.0", keep=False)
    return [file.ok for file in verified]


async def import_loose(_visit: Visit) -> None:
    files = {WEIGHTS: OLD, "config.json": FILES["config.json"]}
    assert len(await import_files(files, model="org/tiny", revision="v9")) == len(files)


ARCHIVES: list[Any] = []
"""What `export` made, without faults."""


async def export(_visit: Visit) -> None:
    archive = await export_model(MODEL, "v1.0")
    assert set(archive.paths) == set(FILES)
    ARCHIVES.append(getattr(archive.blob, "target", archive.blob))


async def export_and_delete(visit: Visit) -> None:
    await create(EMBED)(visit)
    await export(visit)
    await visit.engines[0].close()
    await ModelHub().delete_models(model=MODEL, revision="v1.0")


async def import_archive(visit: Visit) -> None:
    archive: MemoryBlob = ARCHIVES[-1]
    assert len(await import_files(visit.chaos.wrap(archive))) == len(FILES)


async def open_raw(visit: Visit) -> None:
    session = await visit.context.onnx_sessions().open(RAW, RAW_OPTIONS)
    visit.sessions.append(session)
    await session.infer(["a"], {})


async def poll(_visit: Visit) -> None:
    await poll_settings()


async def compact(visit: Visit) -> None:
    """The page is idle after a download, and the file's chunks become one Blob."""
    await get(PINNED, OLD)(visit)
    visit.profile.timers.pass_time(10_000)
    for _ in range(60):
        await asyncio.sleep(0)


async def create_in_two_tabs(visit: Visit) -> None:
    """Two tabs create the same engine; the first is the one that may be cancelled."""
    request = PipelineOptions.of(EMBED, own_features=True)

    async def act(tab: Context) -> None:
        visit.engines.append(await tab.create_engine(request))
        await run(visit)

    await in_two_tabs(visit, act(visit.context), act(visit.open_page()))


async def get_in_two_tabs(visit: Visit) -> None:
    """Two tabs get the same file; one downloads, the other waits. The first may be cancelled."""
    first = asyncio.ensure_future(get(PINNED, OLD)(visit))
    await asyncio.sleep(0)
    visit.open_page()
    await in_two_tabs(visit, first, get(PINNED, OLD)(visit))


async def in_two_tabs(visit: Visit, *acts: Awaitable[None]) -> None:
    first, second = (asyncio.ensure_future(act) for act in acts)
    visit.chaos.target = first
    try:
        await both(first, second)
    finally:
        assert not second.cancelled()


async def break_off(visit: Visit) -> None:
    """Cancel a download when a chunk of it is stored."""
    task = asyncio.ensure_future(get(PINNED, OLD)(visit))
    for _ in range(1000):
        await asyncio.sleep(0)
        if visit.profile.databases.contents().get("modelFiles", {}).get("partials"):
            task.cancel()
    assert task.cancelled()


async def sleep_and_wake(visit: Visit) -> None:
    visit.profile.timers.pass_time(10_000)
    assert visit.engines[0].status != "ready"
    await run(visit)


async def check_updates(visit: Visit) -> list[str]:
    return [status.status for status in await visit.context.check_updates()]


async def evict(_visit: Visit) -> list[str]:
    """A second model has space when the first is evicted."""
    await ModelHub().get_model_file(**{**PINNED, "revision": "v2.0", "file": "tokenizer.json"})
    return [model.revision for model in await ModelHub().list_models()]


async def look(_visit: Visit) -> int:
    found = await ModelHub().model_files("org/tiny", "v1.0", task="feature-extraction")
    return len(found.files)


MEMORY = {"memory_when_full": True}
SMALL = {"max_cache_size": (len(OLD) + 10) / 1024**3, "evict": True}

SCENARIOS = {
    "get-pinned-cold": Scenario(get(PINNED, OLD)),
    "get-pinned-cold-memory": Scenario(get(PINNED, OLD), options=MEMORY),
    "get-pinned-warm": Scenario(get(PINNED, OLD), earlier=get(PINNED, OLD)),
    "get-main-cold": Scenario(get(MAIN, OLD)),
    "get-main-warm": Scenario(get(MAIN, OLD), earlier=get(MAIN, OLD)),
    "get-main-changed": Scenario(get(MAIN, OLD, NEW), earlier=get(MAIN, OLD), state=CHANGED),
    "create-cold": Scenario(create(EMBED)),
    "create-cold-memory": Scenario(create(EMBED), options=MEMORY),
    "create-warm": Scenario(create(EMBED), earlier=create(EMBED)),
    "create-main-changed": Scenario(create(SUMMARIZE), earlier=create(SUMMARIZE), state=CHANGED),
    "prefetch": Scenario(prefetch),
    "update": Scenario(update, begin=create(EMBED), earlier=create(EMBED), state=CHANGED),
    "poll": Scenario(poll, earlier=create(EMBED), state=CHANGED),
    "import-loose": Scenario(import_loose),
    "import-archive": Scenario(import_archive, earlier=export_and_delete),
    "export": Scenario(export, earlier=create(EMBED)),
    "delete": Scenario(delete, earlier=create(EMBED)),
    "delete-by-engine": Scenario(delete_by_engine, earlier=create(EMBED)),
    "purge": Scenario(purge, earlier=create(EMBED)),
    "delete-during-use": Scenario(delete_during_use, begin=create(EMBED), earlier=create(EMBED)),
    "delete-during-load": Scenario(delete_during_load, earlier=create(EMBED)),
    "list": Scenario(list_all, earlier=create(EMBED), result=[1, 3, 3]),
    "pin-and-verify": Scenario(pin_and_verify, earlier=create(EMBED), result=[True] * 3),
    "session-cold": Scenario(open_raw),
    "session-warm": Scenario(open_raw, earlier=open_raw),
    "compact": Scenario(compact),
    "two-tabs-create": Scenario(create_in_two_tabs),
    "two-tabs-get": Scenario(get_in_two_tabs),
    "get-resumed": Scenario(get(PINNED, OLD), earlier=break_off),
    "sleep-and-wake": Scenario(sleep_and_wake, begin=create({**EMBED, "timeout_ms": 5_000}), earlier=create(EMBED)),
    "evict": Scenario(evict, earlier=get(PINNED, OLD), options=SMALL, result=["v2.0"]),
    "overview": Scenario(look, earlier=create(EMBED), result=4),
    "check-updates": Scenario(check_updates, earlier=create(EMBED), state=CHANGED, result=["update-available"]),
}


class Runner:
    """Runs episodes of scenarios in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._databases: dict[Act, MemoryDatabases] = {}

    def calls(self, name: str) -> list[str]:
        """Return the port calls of a scenario without faults."""
        return self._run(SCENARIOS[name], name).calls

    def check(self, name: str, faults: Sequence[Fault]) -> None:
        self._run(SCENARIOS[name], name, faults)

    def _run(self, scenario: Scenario, name: str, faults: Sequence[Fault] = ()) -> Episode:
        episode = Episode(self._world, scenario, faults)
        episode.run(self._earlier(scenario.earlier))
        if episode.problems:
            replay = f"MODELDEN_CHAOS_FAULTS='{' '.join(map(str, faults))}' -k '{name}', seed {SEED}"
            pytest.fail("\n  ".join([replay, *episode.happened, *episode.problems]), pytrace=False)
        return episode

    def _earlier(self, act: Act) -> MemoryDatabases:
        if act not in self._databases:
            self._databases[act] = Episode(self._world, Scenario(act)).run(MemoryDatabases())
        return self._databases[act]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("chaos"))


@pytest.fixture(scope="session")
def runner(world: World) -> Runner:
    return Runner(world)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size, not behaviour: with the real one every file would be one chunk."""
    monkeypatch.setattr("modelden.hub.download.chunk_writer.CHUNK_SIZE", 1000)
    monkeypatch.setattr("modelden.hub.store.compaction.FIRST_SIZE", 1000)


def planned(calls: Sequence[str], number: int) -> list[Fault]:
    """Return the faults of one call."""
    faults = faults_of(number, calls[number])
    if len(calls) <= SHORT:
        return faults
    if len(calls) <= LONG:
        return [fault for fault in faults if fault.kind in {REFUSED, KINDS[(number + SEED) % len(KINDS)]}]
    return [faults[(number + SEED) % len(faults)]]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_call_may_fail(runner: Runner, name: str, part: int) -> None:
    calls = runner.calls(name)
    for number in range(part, len(calls), PARTS):
        for fault in planned(calls, number):
            runner.check(name, [fault])


def test_there_are_enough_faults(runner: Runner) -> None:
    calls = [runner.calls(name) for name in SCENARIOS]
    assert sum(len(planned(each, number)) for each in calls for number in range(len(each))) >= LEAST


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_several_calls_may_fail(runner: Runner, name: str, part: int) -> None:
    calls = runner.calls(name)
    random = Random(f"{SEED} {name} {part}")  # noqa: S311  it keeps no secret
    for _ in range(SEVERAL):
        numbers = sorted(random.sample(range(len(calls)), min(len(calls), random.choice((2, 3)))))
        runner.check(name, [random.choice(faults_of(number, calls[number])) for number in numbers])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_faults_of_the_environment(runner: Runner, name: str) -> None:
    """Nothing but a scenario without faults, unless some are to be replayed."""
    runner.check(name, FAULTS)


def test_a_hang_is_found(world: World) -> None:
    async def wait(_visit: Visit) -> None:
        await asyncio.Event().wait()

    episode = Episode(world, Scenario(wait))
    episode.run(MemoryDatabases())
    assert any("HangError" in problem for problem in episode.problems)


def test_what_nobody_saw_and_what_is_left_is_found(world: World) -> None:
    async def leave(visit: Visit) -> None:
        async def fail() -> None:
            raise ValueError("unseen")

        visit.failing = asyncio.ensure_future(fail())  # type: ignore[attr-defined]
        visit.staying = asyncio.ensure_future(asyncio.sleep(3600))  # type: ignore[attr-defined]
        await create(EMBED)(visit)
        visit.engines.clear()

    episode = Episode(world, Scenario(leave))
    episode.run(MemoryDatabases())
    found = " ".join(episode.problems)
    assert all(problem in found for problem in ("unseen", "Task pending", "workers", "locks"))
