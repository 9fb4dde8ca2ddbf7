"""Ten thousand files: what is done for one of them does not look at all of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.quota import GIB
from modelden.hub.store.records import FileKey, key_fields
from modelden.hub.store.usage import Consumer
from modelden.ports import Put
from tests.unit.conftest import FILES, HUB_ROOT, ORIGIN

if TYPE_CHECKING:
    from modelden.hub.files import HubFiles
    from tests.simulators.profile import Profile

MODELS, PER_MODEL = 500, 20
FILE = ModelFile("org/tiny", "v1.0", "config.json")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())


@dataclass
class Reads:
    """The reads of the database: stores that were read whole, and how many reads there were."""

    whole: list[str] = field(default_factory=list)
    number: int = 0


def rows_of(number: int) -> list[Put]:
    model, revision, file = f"localhost/org/m{number // PER_MODEL}", "v1", f"{number % PER_MODEL}.json"
    key = FileKey(model, revision, file, HUB_ROOT)
    names = key_fields(key)
    headers = {"Content-Type": "application/json", "Content-Length": "1", "ETag": f'"{number}"', "fileSize": 1}
    content = {"sha256": f"{number:064x}", "integrity": "hub", "hub": ORIGIN, "content": f"c{number}", "chunks": 1}
    return [
        Put("headers", {**names, "headers": {**headers, "lastUpdated": number, "lastUsed": number}}),
        Put("files", {**names, "id": key.id, **content}),
        Put("engines", {**names, "engineIds": ["engine"]}),
        Put("tasks", {**names, "taskName": "task"}),
    ]


@pytest.fixture
async def hub(profile: Profile) -> HubFiles:
    database = await profile.database("modelFiles")
    await database.commit([put for number in range(MODELS * PER_MODEL) for put in rows_of(number)])
    return await profile.visit().hub()


@pytest.fixture
def reads(profile: Profile, hub: HubFiles, monkeypatch: pytest.MonkeyPatch) -> Reads:
    database, found = profile.databases["modelFiles"], Reads()
    get, get_all = database.get, database.get_all

    async def counted_get(store: str, key: Any) -> Any:
        found.number += 1
        return await get(store, key)

    async def counted_get_all(store: str, *, index: str | None = None, key: Any = None) -> Any:
        found.number += 1
        found.whole += [store] if key is None else []
        return await get_all(store, index=index, key=key)

    monkeypatch.setattr(database, "get", counted_get)
    monkeypatch.setattr(database, "get_all", counted_get_all)
    assert hub is not None
    return found


async def test_models_are_listed_with_three_reads(hub: HubFiles, reads: Reads) -> None:
    models = await hub.store.list_models()
    assert (len(models), {model.files for model in models}) == (MODELS, {PER_MODEL})
    assert (sorted(reads.whole), reads.number) == (["headers", "partials", "tasks"], 3)


async def test_the_files_of_a_revision_are_listed_by_an_index(hub: HubFiles, reads: Reads) -> None:
    assert len(await hub.store.list_files("localhost/org/m7", "v1")) == PER_MODEL
    assert (reads.whole, reads.number) == ([], 3)


async def test_far_from_the_limit_nothing_is_added_up(hub: HubFiles, reads: Reads, profile: Profile) -> None:
    limited = await profile.visit(replace(profile.config, max_cache_size=1)).hub()
    await limited.get(FILE, Consumer("task", "engine"), ALLOWED)
    assert not {"files", "headers"} & set(reads.whole)
    assert hub is not None


async def test_near_the_limit_it_is(reads: Reads, profile: Profile) -> None:
    profile.page.usage, profile.page.quota = GIB - 1, 2 * GIB  # most of it is not modelden's
    limited = await profile.visit(replace(profile.config, max_cache_size=1)).hub()
    await limited.get(FILE, Consumer("task", "engine"), ALLOWED)
    assert {"files", "headers"} <= set(reads.whole)


async def test_downloading_reading_and_deleting_look_at_one_model(hub: HubFiles, reads: Reads) -> None:
    use = Consumer("task", "engine")
    for _ in range(2):
        assert await (await hub.get(FILE, use, ALLOWED)).blob.read() == FILES["config.json"]
    await hub.store.delete_models(model="localhost/org/tiny", revision="v1.0")
    # Of downloads that go on, or were cut, there are few.
    assert set(reads.whole) <= {"partials"}
    assert await hub.store.list_files("localhost/org/tiny", "v1.0") == []
