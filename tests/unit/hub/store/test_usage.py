"""Pins and remembered missing files: their names, and their end with the model."""

from __future__ import annotations

import pytest

from modelden.core.locks import PageLocks
from modelden.errors import (
    FileNotFoundOnHub,
    InputError,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.schema import MODEL_FILES
from modelden.hub.store.store import Store
from modelden.hub.store.usage import Consumer, NegativeCache, UsageLog
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN
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


async def test_the_note_of_a_missing_collection_outlives_models(profile: Profile, hub: HubFiles) -> None:
    await hub.store.missing.add_collection("ml-model-manifests")
    await hub.store.delete_models(model=MODEL)
    assert await hub.store.missing.collection_age("ml-model-manifests") == 0
    assert await notes(profile) == {"missing"}


@pytest.mark.parametrize(
    ("model", "revision"),
    [("org/tiny/", "v1.0"), ("tiny", "v1.0"), ("", "v1.0"), (MODEL, ""), (MODEL, "v1/0"), (MODEL, ".."), (3, "v1.0")],
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
    await missing.add([(MODEL, "v1.0", "a.json")])
    await missing.add_collection("ml-model-manifests")
    await UsageLog(database, clock, PageLocks()).record([(MODEL, "v1.0", "config.json")], Consumer("task", "engine"))

    assert not await missing.is_missing((MODEL, "v1.0", "a.json"))
    assert await missing.collection_age("ml-model-manifests") is None
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
