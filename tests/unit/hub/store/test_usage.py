"""Pins and remembered missing files: their names, and their end with the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from modelden._js.page_locks import PageLocks
from modelden.context import Context
from modelden.engine.options import PipelineOptions
from modelden.errors import (
    CacheSizeExceeded,
    FileNotFoundOnHub,
    InputError,
    StorageUnavailable,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.records import FileKey
from modelden.hub.store.schema import MODEL_FILES
from modelden.hub.store.store import Store
from modelden.hub.store.usage import Consumer, ModelLease, NegativeCache, UsageLog
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase
from tests.simulators.profile import Profile
from tests.unit.conftest import HUB_ROOT, ORIGIN, write
from tests.unit.hub.browser import USE, Browser

MODEL = "localhost/org/tiny"
FILE = ModelFile("org/tiny", "v1.0", "config.json")
ABSENT = ModelFile("org/tiny", "v1.0", "chat_template.jinja")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())


@pytest.fixture
async def hub(profile: Profile) -> HubFiles:
    """The files of a hub; one is stored, its model is pinned, and another file is known to be missing."""
    hub = await profile.visit().hub()
    await hub.get(FILE, Consumer("task", "engine"), ALLOWED)
    await hub.store.pin(MODEL, "v1.0", pinned=True)
    await hub.remember_missing([ABSENT])
    return hub


async def notes(profile: Profile) -> set[str]:
    """Return the stores of notes that have rows."""
    return {"missing", "pins"} & set((await profile.database("modelFiles")).contents())


@pytest.mark.parametrize("revision", [None, "v1.0"])
async def test_a_deleted_model_loses_its_pin_and_its_missing_files(
    profile: Profile, hub: HubFiles, revision: str | None
) -> None:
    await hub.store.delete_models(model=MODEL, revision=revision)
    assert await notes(profile) == set()


async def test_another_revision_keeps_its_notes(profile: Profile, hub: HubFiles) -> None:
    await hub.store.delete_models(model=MODEL, revision="v2.0")
    await hub.store.delete_models(model="localhost/org/other")
    assert await notes(profile) == {"missing", "pins"}


async def test_notes_end_with_the_last_task(profile: Profile, hub: HubFiles) -> None:
    await hub.get(FILE, Consumer("other task", "engine"), ALLOWED)
    await hub.store.delete_models(task_name="task")
    assert await notes(profile) == {"missing", "pins"}
    await hub.store.delete_models(task_name="other task")
    assert await notes(profile) == set()


async def test_notes_of_a_model_without_files_end_with_it(profile: Profile) -> None:
    store = await profile.visit().store()
    await store.pin(MODEL, "v1.0", pinned=True)
    await store.delete_models(model=MODEL)
    assert await notes(profile) == set()


@pytest.mark.parametrize(
    ("model", "revision"),
    [("org/tiny/", "v1.0"), ("tiny", "v1.0"), ("", "v1.0"), (MODEL, ""), (MODEL, "v1//0"), (MODEL, ".."), (3, "v1.0")],
)
@pytest.mark.parametrize("pinned", [True, False])
async def test_names_that_no_stored_model_can_have_are_not_pinned(
    profile: Profile, model: str, revision: str, *, pinned: bool
) -> None:
    store: Store = await profile.visit().store()
    with pytest.raises(InputError, match="Invalid"):
        await store.pin(model, revision, pinned=pinned)
    assert await notes(profile) == set()


async def test_what_is_only_remembered_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    database, clock = MemoryDatabase(MODEL_FILES), ManualClock()
    database.full = True
    missing = NegativeCache(database, clock)
    key = FileKey(MODEL, "v1.0", "a.json", HUB_ROOT)
    await missing.add([key])
    await UsageLog(database, clock, PageLocks()).record([key], Consumer("task", "engine"))

    assert not await missing.is_missing(key)
    assert "is not remembered" in caplog.text


async def test_a_file_that_the_model_does_without_is_not_asked_for_again(browser: Browser) -> None:
    optional = ModelFile("org/model", "v1", "generation_config.json")
    hub = await browser.visit()
    with pytest.raises(FileNotFoundOnHub):
        await hub.get(optional, USE, AllowList((), ()))
    await hub.remember_missing([optional])
    with pytest.raises(FileNotFoundOnHub):
        await browser.get(optional)
    assert len(browser.hub.log) == 1

    await hub.store.delete_models(model="localhost/org/model", revision="v1")
    assert browser.stored() == {}


EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": 1000}, own_features=True)
OTHER = ModelFile("org/other", "v1.0", "onnx/model.onnx")
ROOM_FOR_ONE = 300_000 / 1024**3


@pytest.fixture
def small(profile: Profile, tree: Path) -> Profile:
    """A profile with room for one of two models, which evicts."""
    write(tree / "hub/org/other/v1.0/onnx/model.onnx", bytes(range(254)) * 1000)
    profile.config = replace(profile.config, max_cache_size=ROOM_FOR_ONE, evict=True)
    return profile


async def download_other(context: Context) -> set[str]:
    """Download the other model; returns which are kept then."""
    hub = await context.hub()
    await hub.get(OTHER, Consumer("task", "engine"), AllowList((f"{ORIGIN}/hub/",), ()))
    return {model.name for model in await hub.store.list_models()}


async def test_a_model_that_an_engine_of_another_tab_runs_stays(small: Profile) -> None:
    engine = await small.visit().create_engine(EMBED)
    other_tab = small.visit()
    with pytest.raises(CacheSizeExceeded):
        await download_other(other_tab)
    assert (await engine.run("a"))["args"] == ["a"]

    await engine.close()
    assert await download_other(other_tab) == {"localhost/org/other"}


async def test_an_idle_engine_lets_its_model_go(small: Profile) -> None:
    engine = await small.visit().create_engine(EMBED)
    small.timers.pass_time(1000)
    assert engine.status == "closed"
    assert await download_other(small.visit()) == {"localhost/org/other"}


async def test_a_crashed_engine_lets_its_model_go(small: Profile) -> None:
    await small.visit().create_engine(EMBED)
    small.engines.workers[-1].crash()
    assert await download_other(small.visit()) == {"localhost/org/other"}


async def test_an_engine_that_cannot_start_lets_its_model_go(small: Profile) -> None:
    small.engines.files = [*small.engines.files, "missing.onnx"]
    with pytest.raises(FileNotFoundOnHub):
        await small.visit().create_engine(EMBED)
    assert await download_other(small.visit()) == {"localhost/org/other"}


class RefusedLocks(PageLocks):
    """Refuses every lock, as a browser does in a frame of another site."""

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        if name.startswith("use"):
            raise StorageUnavailable(f"The lock {name} is refused; shared: {shared}.")
        yield


async def test_a_lease_whose_lock_is_refused_fails_all_who_wait() -> None:
    lease = ModelLease(RefusedLocks())
    waiters = [asyncio.ensure_future(lease.add((MODEL, "v1.0", HUB_ROOT))) for _ in range(2)]
    results = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(result) for result in results] == [StorageUnavailable] * 2
    with pytest.raises(StorageUnavailable):  # and is tried again
        await lease.add((MODEL, "v1.0", HUB_ROOT))

    lease.end()
    await lease.wait_ended()
