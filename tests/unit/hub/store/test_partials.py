"""Interrupted downloads: listed, counted, freed, and deleted first where space is needed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import pytest

from modelden.core.events import ProgressEvent
from modelden.errors import CacheSizeExceeded, QuotaExceeded
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.policy import StoragePolicy
from modelden.hub.store.partials import PartialDownloads, download_lock
from modelden.hub.store.records import PartialFile, key_fields
from modelden.ports import Put
from tests.faults.hub import Fault
from tests.simulators.blobs import MemoryBlob
from tests.unit.hub.browser import BIG, CHUNK, CONFIG, PATH, USE, WEIGHTS, WHOLE, Browser

KEPT = "localhost/org/model"
OTHER = ModelFile("org/other", "v1", "onnx/model.onnx")


def when_stored(arrived: asyncio.Event) -> Callable[[ProgressEvent], None]:
    """A listener that sets the event when a chunk of a download must be stored."""

    def notice(event: ProgressEvent) -> None:
        if (event.total_loaded or 0) > CHUNK:
            arrived.set()

    return notice


async def begin_download(browser: Browser, file: ModelFile = WEIGHTS) -> HubFiles:
    """A page that began a download, which was cancelled half way: its stored beginning."""
    hub = await browser.visit()
    arrived = asyncio.Event()
    browser.hub.next(Fault(stall_after=len(BIG) // 2))
    getting = asyncio.ensure_future(hub.get(file, USE, AllowList((), ()), when_stored(arrived)))
    await arrived.wait()
    getting.cancel()
    await asyncio.wait({getting})
    assert set(browser.stored()) == {"partials", "chunks"}
    return hub


async def test_it_is_listed_and_counted(browser: Browser) -> None:
    hub = await begin_download(browser)
    received = browser.stored()["chunks"]
    (model,) = await hub.store.list_models()
    assert (model.name, model.revision, model.task_names) == (KEPT, "v1", ())
    assert (model.files, model.size) == (0, received)
    assert (model.partial_files, model.partial_size) == (1, received)

    await browser.get(CONFIG)
    (model,) = await hub.store.list_models()
    assert (model.files, model.partial_files) == (1, 1)
    assert model.size == browser.stored()["chunks"]

    await browser.get()
    (model,) = await hub.store.list_models()
    assert (model.files, model.partial_files, model.partial_size) == (2, 0, 0)
    assert model.size == browser.stored()["chunks"]


async def test_deleting_and_purging_free_it(browser: Browser) -> None:
    hub = await begin_download(browser)
    await hub.store.delete_models(model=KEPT, revision="v2")
    await hub.store.delete_models(model="localhost/org/other", revision="v1")
    assert set(browser.stored()) == {"partials", "chunks"}
    await hub.store.delete_models(model=KEPT, revision="v1")
    assert browser.stored() == {}

    await (await begin_download(browser)).store.purge()
    assert browser.stored() == {}


async def test_what_somebody_is_at_stays(browser: Browser) -> None:
    hub = await begin_download(browser)
    async with browser.locks.hold(download_lock(hub.key(WEIGHTS).id)):
        await hub.store.purge()
        await hub.store.delete_models(model=KEPT, revision="v1")
    assert set(browser.stored()) == {"partials", "chunks"}
    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.log[-1].status == 206


async def test_the_limit_holds_for_beginnings_too(browser: Browser) -> None:
    limit = 1_700_000
    limits = StoragePolicy(max_size=limit / 1024**3)
    await begin_download(browser)
    await browser.get(limits=limits)  # what is stored of the file itself is no other's
    assert browser.stored()["chunks"] == len(BIG) <= limit

    await (await browser.visit()).store.delete_models(model=KEPT, revision="v1")
    await begin_download(browser)
    received = browser.stored()["chunks"]
    with pytest.raises(CacheSizeExceeded) as caught:
        await browser.get(OTHER, limits=limits)
    assert (caught.value.needed, caught.value.available) == (len(BIG), limit - received)
    assert browser.stored()["chunks"] == received


async def test_files_of_a_model_may_come_side_by_side_up_to_the_limit(browser: Browser) -> None:
    """The stored bytes of a running download are not counted beside the space that was reserved for it."""
    browser.hub.files["/org/model/v1/other.bin"] = BIG[::-1]
    hub = await browser.visit(limits=StoragePolicy(max_size=2 * len(BIG) / 1024**3))
    arrived = asyncio.Event()
    browser.hub.next(Fault(cut_after=len(BIG) // 2))
    first = asyncio.ensure_future(hub.get(WEIGHTS, USE, AllowList((), ()), when_stored(arrived)))
    await arrived.wait()
    await hub.get(ModelFile("org/model", "v1", "other.bin"), USE, AllowList((), ()))
    await first
    assert browser.stored()["chunks"] == 2 * len(BIG)


@pytest.mark.parametrize("by_limit", [True, False])
async def test_it_goes_before_any_model(browser: Browser, *, by_limit: bool) -> None:
    browser.hub.files["/org/old/v1/m.bin"] = old = BIG[CHUNK:]
    await browser.get(ModelFile("org/old", "v1", "m.bin"))
    browser.clock.advance(hours=6 * 24)
    database = await browser.database()
    key = (await browser.visit()).key(WEIGHTS)
    names = {"id": key.id, **key_fields(key)}
    row = {**names, "content": "begun", "url": PATH, "validator": None, "total": None, "received": CHUNK, "chunks": 1}
    chunk = {"content": "begun", "index": "000000"}
    await database.commit(
        [
            Put("partials", {**row, "updatedAt": browser.clock.now()}),
            Put("chunks", chunk, {("data",): MemoryBlob(bytes(CHUNK), "")}),
        ]
    )
    room = len(old) + len(BIG)
    if not by_limit:
        browser.page.usage, browser.page.quota = 0, 10_000_000

        async def storage_estimate() -> tuple[int, int, bool]:
            return browser.stored()["chunks"], room * 4 // 3 + 1, False

        browser.page.storage_estimate = storage_estimate  # type: ignore[method-assign]  # a simulator's
    limits = StoragePolicy(max_size=room / 1024**3 if by_limit else None)
    with pytest.raises(QuotaExceeded):
        await browser.get(OTHER, limits=limits)
    assert browser.stored()["partials"] == 1

    await browser.get(OTHER, limits=StoragePolicy(max_size=limits.max_size, evict=True))
    names_kept = {model.name for model in await (await browser.visit()).store.list_models()}
    assert names_kept == {"localhost/org/old", "localhost/org/other"}


async def test_bytes_that_went_while_a_load_held_them_are_stored_as_a_whole(browser: Browser) -> None:
    main = ModelFile("org/model", "main", "m.bin")
    browser.hub.files["/org/model/main/m.bin"] = b"old"
    await browser.get(main)
    browser.hub.files["/org/model/main/m.bin"] = BIG
    hub = await browser.visit()
    async with hub.update_branch() as branch:
        await hub.get(main, USE, AllowList((), ()), branch=branch)
        await hub.store.partials.delete_where(lambda _row: True)
        assert "partials" not in browser.stored()
        await branch.commit()
    kept = await hub.store.cache.get(hub.key(main), None)
    assert kept is not None
    assert await kept.blob.read() == BIG
    assert browser.stored()["chunks"] == len(BIG)


async def test_bytes_that_somebody_else_completed_are_his_too(browser: Browser) -> None:
    main = ModelFile("org/model", "main", "m.bin")
    browser.hub.files["/org/model/main/m.bin"] = b"old"
    await browser.get(main)
    browser.hub.files["/org/model/main/m.bin"] = BIG
    hub = await browser.visit()
    async with hub.update_branch() as branch:
        await hub.get(main, USE, AllowList((), ()), branch=branch)
        await browser.get(main)  # another tab, without a load: it goes on with the same beginning
        await branch.commit()
    kept = await hub.store.cache.get(hub.key(main), None)
    assert kept is not None
    assert await kept.blob.read() == BIG
    assert browser.stored()["chunks"] == len(BIG)


@pytest.mark.parametrize("chunks", [1, 3])
async def test_a_file_that_was_stored_whole_and_never_checked_costs_its_last_chunk(
    browser: Browser, chunks: int
) -> None:
    """A page that is killed after its last chunk, before the commit."""
    partials = PartialDownloads(await browser.database(), browser.clock, browser.locks)
    size, key = len(BIG) // chunks, (await browser.visit()).key(WEIGHTS)
    url, tag = f"{browser.root}{PATH}?download=true", f'"{hashlib.sha256(BIG).hexdigest()}"'
    for number in range(chunks):
        end = len(BIG) if number == chunks - 1 else (number + 1) * size
        piece = MemoryBlob(BIG[number * size : end], "")
        await partials.append(key, PartialFile("begun", url, tag, len(BIG), end, number + 1), piece)
    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) == len(BIG) - (chunks - 1) * size
    assert browser.hub.asked() == [PATH if chunks == 1 else f"{PATH} bytes={(chunks - 1) * size}-"]
    assert browser.stored() == WHOLE


async def test_of_two_tabs_one_downloads_and_the_other_waits(browser: Browser) -> None:
    one, other = await browser.visit(), await browser.visit()
    both = [tab.get(WEIGHTS, USE, AllowList((), ())) for tab in (one, other)]

    first, second = await asyncio.gather(*both)
    assert await first.blob.read() == await second.blob.read() == BIG
    assert browser.hub.asked() == [PATH]


async def test_when_the_tab_that_downloads_goes_another_goes_on(browser: Browser) -> None:
    browser.hub.next(Fault(stall_after=1_000_000))
    one, other = await browser.visit(), await browser.visit()
    arrived = asyncio.Event()

    def notice(event: ProgressEvent) -> None:
        if event.total_loaded == 1_000_000:
            arrived.set()

    first = asyncio.ensure_future(one.get(WEIGHTS, USE, AllowList((), ()), notice))
    await arrived.wait()
    second = asyncio.ensure_future(other.get(WEIGHTS, USE, AllowList((), ())))
    await asyncio.sleep(0)
    first.cancel()

    assert await (await second).blob.read() == BIG
    assert browser.hub.served(PATH) == len(BIG)
