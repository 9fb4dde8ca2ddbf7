"""Complete files become one Blob when the page is quiet; whatever comes between, they stay whole."""

from __future__ import annotations

import asyncio

import pytest

from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download import chunk_writer
from modelden.hub.files import HubFiles
from modelden.hub.store import compaction
from modelden.hub.store.compaction import IDLE_TIME, MAX_SIZE
from modelden.hub.store.partials import PartialDownloads, download_lock
from modelden.hub.store.records import FileKey, PartialFile
from modelden.hub.store.schema import ROWS_LOCK
from modelden.hub.store.usage import Consumer
from modelden.ports import Row
from tests.simulators.blobs import MemoryBlob
from tests.simulators.loop import settle
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, HUB_ROOT, ORIGIN

WEIGHTS = "onnx/model_quantized.onnx"
FILE = ModelFile("org/tiny", "v1.0", WEIGHTS)
SAME = ModelFile("org/tiny", "main", WEIGHTS)
USE = Consumer("task", "engine")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())
BYTES = FILES[WEIGHTS]


@pytest.fixture
async def hub(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> HubFiles:
    """It has one file, in several chunks."""
    # Sizes, not behaviour: with the real ones each test would move tens of megabytes.
    monkeypatch.setattr(chunk_writer, "CHUNK_SIZE", 50_000)
    monkeypatch.setattr(compaction, "FIRST_SIZE", 50_000)
    hub = await profile.visit().hub()
    await hub.get(FILE, USE, ALLOWED)
    assert await chunks(profile) > 1
    return hub


async def chunks(profile: Profile) -> int:
    """The number of stored chunks."""
    return len(await rows(profile, "chunks"))


async def be_quiet(profile: Profile) -> None:
    profile.timers.pass_time(IDLE_TIME)
    await settle()


async def rows(profile: Profile, store: str) -> list[Row]:
    return (await profile.database("modelFiles")).contents().get(store, [])


async def assert_readable(hub: HubFiles, *files: ModelFile) -> None:
    for file in files:
        kept = await hub.store.cache.get(hub.key(file), USE)
        assert kept is not None
        assert await kept.blob.read() == BYTES


async def test_a_file_becomes_one_blob_when_the_page_is_quiet(profile: Profile, hub: HubFiles) -> None:
    before = await chunks(profile)
    profile.timers.pass_time(IDLE_TIME - 1)
    await hub.get(ModelFile("org/tiny", "v1.0", WEIGHTS), USE, ALLOWED)
    await be_quiet(profile)

    assert before > await chunks(profile) == 1
    await assert_readable(hub, FILE)
    assert profile.timers.waiting == 0


async def test_what_is_one_blob_is_not_copied_again(profile: Profile, hub: HubFiles) -> None:
    await be_quiet(profile)
    (before,) = await rows(profile, "chunks")
    await hub.get(FILE, USE, ALLOWED)
    await be_quiet(profile)
    (after,) = await rows(profile, "chunks")
    assert after["data"] is before["data"]


async def test_any_use_of_a_file_puts_it_off(profile: Profile, hub: HubFiles) -> None:
    before = await chunks(profile)
    profile.timers.pass_time(IDLE_TIME - 1)
    await hub.get(FILE, USE, ALLOWED)
    profile.timers.pass_time(IDLE_TIME - 1)
    await settle()
    assert await chunks(profile) == before


async def test_what_an_earlier_visit_left_in_chunks_is_rewritten_by_the_next(profile: Profile, hub: HubFiles) -> None:
    assert hub is not None
    later = await profile.visit().hub()
    await later.get(FILE, USE, ALLOWED)
    await be_quiet(profile)
    assert await chunks(profile) == 1


async def test_files_that_share_their_bytes_go_on_sharing_them(profile: Profile, hub: HubFiles) -> None:
    await hub.get(SAME, USE, ALLOWED)
    await be_quiet(profile)
    assert await chunks(profile) == 1
    assert [row["chunks"] for row in await rows(profile, "files")] == [1, 1]
    await assert_readable(hub, FILE, SAME)

    await hub.store.delete_models(model="localhost/org/tiny", revision="v1.0")
    await assert_readable(hub, SAME)
    await hub.store.delete_models(model="localhost/org/tiny", revision="main")
    assert await chunks(profile) == 0


@pytest.mark.usefixtures("hub")
async def test_it_waits_for_downloads_of_any_tab(profile: Profile) -> None:
    other = FileKey("localhost/org/other", "v1", "model.onnx", HUB_ROOT)
    partials = PartialDownloads(await profile.database("modelFiles"), profile.clock, profile.locks)
    await partials.append(other, PartialFile("begun", "url", None, None, received=1, chunks=1), MemoryBlob(b"1"))
    async with profile.locks.hold(download_lock(other.id)):
        await be_quiet(profile)
        assert await chunks(profile) > 2
    # Begun, but nobody is at it any more.
    await be_quiet(profile)
    assert await chunks(profile) == 2


@pytest.mark.parametrize("quota_known", [True, False])
async def test_without_room_for_a_copy_nothing_changes(profile: Profile, hub: HubFiles, *, quota_known: bool) -> None:
    before = await chunks(profile)
    if quota_known:
        profile.page.leave(-profile.page.stored() + len(BYTES) - 1)
    else:
        await profile.fill("modelFiles")
    await be_quiet(profile)

    await profile.fill("modelFiles", full=False)
    assert await chunks(profile) == before
    await assert_readable(hub, FILE)


async def test_a_file_that_is_deleted_meanwhile_stays_deleted(profile: Profile, hub: HubFiles) -> None:
    async with profile.locks.hold(ROWS_LOCK):
        deleting = asyncio.ensure_future(hub.store.delete_models(model="localhost/org/tiny", revision="v1.0"))
        await asyncio.sleep(0)
        profile.timers.pass_time(IDLE_TIME)
        await settle()  # both wait for the lock
    await deleting
    await be_quiet(profile)
    assert (await profile.database("modelFiles")).contents() == {}


async def test_two_tabs_rewrite_a_file_once(profile: Profile, hub: HubFiles) -> None:
    other = await profile.visit().hub()
    await other.get(FILE, USE, ALLOWED)
    async with profile.locks.hold(ROWS_LOCK):
        profile.timers.pass_time(IDLE_TIME)
        await settle()  # both wait for the lock
    await be_quiet(profile)
    await be_quiet(profile)
    assert await chunks(profile) == 1
    await assert_readable(hub, FILE)


async def test_what_is_not_whole_is_not_made_one(profile: Profile, hub: HubFiles) -> None:
    database = await profile.database("modelFiles")
    del database.rows["chunks"][next(iter(database.rows["chunks"]))]
    before = await chunks(profile)
    await be_quiet(profile)
    assert await chunks(profile) == before
    assert await hub.store.cache.get(hub.key(FILE), USE) is None


@pytest.mark.parametrize("size", [50_000, MAX_SIZE + 1])
async def test_small_and_very_large_files_stay_as_they_are(profile: Profile, hub: HubFiles, size: int) -> None:
    await be_quiet(profile)
    hub.store.compactor.schedule(hub.key(SAME), size)
    assert profile.timers.waiting == 0
