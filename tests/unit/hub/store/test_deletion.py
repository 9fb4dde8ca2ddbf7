"""Deletion: data that nobody will ask for again are deleted; data in use stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelden.engine.options import PipelineOptions
from modelden.errors import QuotaExceeded
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.partials import PartialDownloads, download_lock
from modelden.hub.store.records import FileKey, PartialFile, key_fields
from modelden.hub.store.usage import Consumer
from modelden.ports import Put
from tests.simulators.blobs import MemoryBlob
from tests.simulators.loop import settle
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, HUB_ROOT, ORIGIN

WEIGHTS = "onnx/model_quantized.onnx"
FILE = ModelFile("org/tiny", "v1.0", WEIGHTS)
PARTIAL = FileKey("localhost/org/begun", "v1.0", "model.onnx", HUB_ROOT)
PARTIAL_ID = PARTIAL.id
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())
EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": -1}, own_features=True)
SIX_DAYS, A_DAY = 6 * 24, 24


async def begin(profile: Profile, size: int = 1000) -> None:
    """A download that was cut after its first chunk."""
    partials = PartialDownloads(await profile.database("modelFiles"), profile.clock, profile.locks)
    partial = PartialFile("begun", "http://hub.example/f", '"e1"', 2 * size, received=size, chunks=1)
    await partials.append(PARTIAL, partial, MemoryBlob(bytes(size), ""))


async def stored(profile: Profile) -> dict[str, Any]:
    """The stores that have rows."""
    return (await profile.database("modelFiles")).contents()


async def hub_with_file(profile: Profile) -> HubFiles:
    hub = await profile.visit().hub()
    await hub.get(FILE, Consumer("task", "engine"), ALLOWED)
    return hub


async def test_a_download_that_was_given_up_goes_after_a_week(profile: Profile) -> None:
    hub = await profile.visit().hub()
    await begin(profile)
    profile.clock.advance(hours=SIX_DAYS)
    await hub.store.sweep()
    assert set(await stored(profile)) == {"partials", "chunks"}

    profile.clock.advance(hours=A_DAY)
    await hub.store.sweep()
    assert await stored(profile) == {}


async def test_a_download_that_somebody_goes_on_with_stays(profile: Profile) -> None:
    hub = await profile.visit().hub()
    await begin(profile)
    profile.clock.advance(hours=SIX_DAYS + A_DAY)
    async with profile.locks.hold(download_lock(PARTIAL_ID)):
        await hub.store.sweep()
    assert set(await stored(profile)) == {"partials", "chunks"}


async def test_bytes_and_rows_that_belong_to_nothing_go(profile: Profile) -> None:
    hub = await hub_with_file(profile)
    before = await stored(profile)
    database = await profile.database("modelFiles")
    names = key_fields(FileKey("localhost/org/lost", "v1.0", "a.json", HUB_ROOT))
    await database.commit(
        [
            Put("chunks", {"content": "nobody's", "index": "000000"}, {("data",): MemoryBlob(b"lost", "")}),
            Put("headers", {**names, "headers": {"fileSize": 4}}),
            Put("engines", {**names, "file": "b.json", "engineIds": ["engine"]}),
            Put("tasks", {**names, "file": "c.json", "taskName": "task"}),
            Put("files", {**names, "id": "x", "file": "d.json", "content": "gone", "chunks": 1, "sha256": ""}),
        ]
    )
    assert await stored(profile) != before

    await hub.store.sweep()
    rows = await stored(profile)
    assert {**rows, "files": [row for row in rows["files"] if row["id"] != "x"]} == before
    assert await (await hub.get(FILE, Consumer("task", "engine"), ALLOWED)).blob.read() == FILES[WEIGHTS]


async def test_it_is_swept_when_a_model_was_completed(profile: Profile) -> None:
    await begin(profile)
    profile.clock.advance(hours=SIX_DAYS + A_DAY)
    await created(profile)
    assert "partials" not in await stored(profile)


async def created(profile: Profile) -> None:
    context = profile.visit()
    await context.create_engine(EMBED)
    await settle()
    assert profile.page.persisted


async def test_one_tab_sweeps(profile: Profile) -> None:
    await begin(profile)
    profile.clock.advance(hours=SIX_DAYS + A_DAY)
    hub = await profile.visit().hub()
    async with profile.locks.hold("sweep"):
        await hub.store.sweep()
    assert "partials" in await stored(profile)


async def test_a_warm_visit_sweeps_nothing(profile: Profile) -> None:
    await created(profile)
    await begin(profile)
    profile.clock.advance(hours=SIX_DAYS + A_DAY)
    await profile.visit().create_engine(EMBED)
    await settle()
    assert "partials" in await stored(profile)


@pytest.mark.parametrize("evict", [False, True])
async def test_what_is_of_no_use_goes_before_anything_is_refused_or_evicted(profile: Profile, *, evict: bool) -> None:
    size = len(FILES[WEIGHTS])
    await begin(profile, size)
    profile.clock.advance(hours=SIX_DAYS + A_DAY)
    profile.page.quota = profile.page.usage + size // 2
    hub = await profile.visit(replace(profile.config, evict=evict)).hub()
    with pytest.raises(QuotaExceeded):
        await hub.get(FILE, Consumer("task", "engine"), ALLOWED)
    assert await stored(profile) == {}
