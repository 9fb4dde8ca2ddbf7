"""Room that the browser does not tell of is tried out, before the first byte of a large file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from modelden.core.events import ProgressEvent
from modelden.errors import (
    CacheSizeExceeded,
    QuotaExceeded,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile, canonical_root
from modelden.hub.policy import HubPolicy, StoragePolicy
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.deletion import Deletion
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.quota import GIB, LARGE_SIZE, SPARE, StorageQuota, eviction_candidates, spare_space
from modelden.hub.store.records import FileKey, RevisionKey, StoredModel
from modelden.hub.store.reservations import Reservations
from modelden.hub.store.usage import Consumer, Pins
from tests.faults.hub import Fault
from tests.simulators.blobs import MemoryBlobs
from tests.simulators.profile import Profile
from tests.simulators.surroundings import ScriptedPage
from tests.unit.conftest import HUB_ROOT, ORIGIN, write
from tests.unit.hub.browser import BIG, USE, WEIGHTS, Browser

MIB = 1024**2
DAY = 24 * 60 * 60 * 1000

KEY = FileKey("localhost/org/large", "v1", "model.onnx", HUB_ROOT)
OTHER = FileKey("localhost/org/other", "v1", "model.onnx", HUB_ROOT)
KEPT = ModelFile("org/tiny", "v1.0", "config.json")


async def room(profile: Profile, *, evict: bool = False) -> StorageQuota:
    """In a browser that has room for three large files, and tells of much more."""
    profile.page.usage, profile.page.untold_quota = 0, 3 * LARGE_SIZE + spare_space(profile.page.quota)
    context = profile.visit()
    await (await context.hub()).get(KEPT, Consumer("task", "engine"), AllowList((f"{ORIGIN}/hub/",), ()))
    database = await profile.database("modelFiles")
    cache = ModelCache(database, MemoryBlobs(), profile.clock, profile.locks)
    partials = PartialDownloads(database, profile.clock, profile.locks)
    deletion = Deletion(database, cache, partials, profile.locks, profile.clock)
    policy = StoragePolicy(evict=evict)

    async def delete(revision_key: RevisionKey) -> None:
        model, revision, root = revision_key
        await deletion.delete(model=model, revision=revision, root=root)

    page, locks, clock = profile.page, profile.locks, profile.clock
    pins, reservations = Pins(database), Reservations()
    return StorageQuota(cache, partials, deletion.sweep, delete, pins, page, locks, policy, reservations, clock)


async def test_room_that_is_not_told_is_tried_out(profile: Profile) -> None:
    tried = await room(profile)
    with pytest.raises(QuotaExceeded, match=f"{3 * LARGE_SIZE + 1} bytes") as caught:
        await tried.reserve(KEY, 3 * LARGE_SIZE + 1)
    assert (caught.value.needed, caught.value.available) == (3 * LARGE_SIZE + 1, None)
    assert not tried.is_reserved(KEY)

    await tried.reserve(KEY, 3 * LARGE_SIZE)
    assert tried.is_reserved(KEY)


async def test_files_that_come_side_by_side_share_room_that_is_not_told(profile: Profile) -> None:
    tried = await room(profile)
    await tried.reserve(KEY, 2 * LARGE_SIZE)
    with pytest.raises(QuotaExceeded):
        await tried.reserve(OTHER, LARGE_SIZE + 1)
    await tried.reserve(OTHER, LARGE_SIZE)


async def test_files_of_a_model_are_not_counted_beside_the_model(profile: Profile) -> None:
    tried = await room(profile)
    await tried.reserve(KEY, 2 * LARGE_SIZE)
    await tried.reserve(KEY._replace(path=""), 3 * LARGE_SIZE)
    tried.release(KEY._replace(path=""))
    with pytest.raises(QuotaExceeded, match="store localhost/org/other/v1 "):
        await tried.reserve(OTHER._replace(path=""), 2 * LARGE_SIZE)


async def test_a_small_file_is_not_worth_trying(profile: Profile) -> None:
    tried = await room(profile)
    profile.page.untold_quota = 0

    await tried.reserve(KEY, LARGE_SIZE - 1)


@pytest.mark.parametrize("evict", [False, True])
async def test_other_models_go_only_when_that_makes_room(profile: Profile, *, evict: bool) -> None:
    """The stored model is too small to matter, so it stays even where it might be deleted."""
    tried = await room(profile, evict=evict)
    with pytest.raises(QuotaExceeded):
        await tried.reserve(KEY, 4 * LARGE_SIZE)
    assert [model.name for model in await (await profile.visit().hub()).store.list_models()] == ["localhost/org/tiny"]


class TurningPage(ScriptedPage):
    """Answers about its storage one turn of the loop later, as a browser does."""

    async def storage_estimate(self) -> tuple[int | None, int | None, bool | None]:
        estimate = await super().storage_estimate()
        await asyncio.sleep(0)
        return estimate


async def test_two_reservations_at_once_do_not_get_the_same_space(profile: Profile) -> None:
    profile.page = TurningPage()
    quota = await room(profile)
    profile.page.leave(1000)
    results = await asyncio.gather(quota.reserve(KEY, 600), quota.reserve(OTHER, 600), return_exceptions=True)

    assert [type(result) for result in results] == [type(None), QuotaExceeded]
    assert (quota.is_reserved(KEY), quota.is_reserved(OTHER)) == (True, False)


async def test_all_hubs_of_a_page_share_one_limit(profile: Profile, tree: Path) -> None:
    """Two hubs that download at once kept 400,000 bytes under a limit of 300,000."""
    profile.config = replace(profile.config, max_cache_size=300_000 / GIB)
    for name in ("one", "two"):
        write(tree / f"hub/org/{name}/v1/model.onnx", bytes(200_000))
    context = profile.visit()
    address = HubAddress(f"{ORIGIN}/hub", "{model}/{revision}")
    hubs = [await context.hub(), await context.hub_at(address, HubPolicy())]
    files = [ModelFile(f"org/{name}", "v1", "model.onnx") for name in ("one", "two")]
    allowed = AllowList((f"{ORIGIN}/hub/",), ())
    results = await asyncio.gather(
        *(hub.get(file, Consumer("task", "engine"), allowed) for hub, file in zip(hubs, files, strict=True)),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["CacheSizeExceeded", "CachedFile"]
    assert sum(model.size for model in await (await context.store()).list_models()) == 200_000


async def test_room_is_asked_for_before_the_first_byte(browser: Browser) -> None:
    browser.page.leave(999_000)
    with pytest.raises(QuotaExceeded) as caught:
        await browser.get()

    assert (caught.value.needed, caught.value.available) == (len(BIG), 999_000)
    assert browser.stored() == {}
    browser.page.quota = 10_000_000
    assert await (await browser.get()).blob.read() == BIG


async def test_files_that_come_side_by_side_share_the_room(browser: Browser) -> None:
    browser.hub.files["/org/model/v1/other.bin"] = BIG[::-1]
    browser.page.leave(1_999_000)
    browser.hub.next(Fault(stall_after=1_000_000))
    hub, arrived = await browser.visit(), asyncio.Event()

    def notice(event: ProgressEvent) -> None:
        if event.total_loaded:
            arrived.set()

    first = asyncio.ensure_future(hub.get(WEIGHTS, USE, AllowList((), ()), notice))
    await arrived.wait()
    with pytest.raises(QuotaExceeded):
        await hub.get(ModelFile("org/model", "v1", "other.bin"), USE, AllowList((), ()))
    first.cancel()


async def test_over_the_limit_is_an_error_in_firefoxs_words(browser: Browser) -> None:
    with pytest.raises(CacheSizeExceeded, match=r"Exceeding cache size limit of 0\.001GiB"):
        await browser.get(limits=StoragePolicy(max_size=0.001))
    assert browser.stored() == {}


async def test_models_that_were_not_used_for_the_longest_time_make_room(browser: Browser) -> None:
    limits = StoragePolicy(max_size=len(BIG) * 2.5 / 1024**3, evict=True)
    for name, body in (("a", BIG[1:]), ("b", BIG[2:]), ("c", BIG[3:]), ("d", BIG[4:])):
        browser.hub.files[f"/org/{name}/v1/m.bin"] = body
    for name in ("a", "b"):
        await browser.get(ModelFile(f"org/{name}", "v1", "m.bin"), limits=limits)
        browser.clock.advance(hours=1)
    hub = await browser.visit(limits=limits)
    await browser.get(ModelFile("org/a", "v1", "m.bin"), limits=limits)
    await browser.get(ModelFile("org/c", "v1", "m.bin"), limits=limits)
    assert {model.name for model in await hub.store.list_models()} == {"localhost/org/a", "localhost/org/c"}

    await hub.store.pin("localhost/org/a", "v1", pinned=True)
    lease = hub.store.lease()
    await lease.add(("localhost/org/c", "v1", canonical_root(browser.root)))
    with pytest.raises(CacheSizeExceeded):
        await browser.get(ModelFile("org/d", "v1", "m.bin"), limits=limits)
    lease.end()
    await browser.get(ModelFile("org/d", "v1", "m.bin"), limits=limits)
    assert {model.name for model in await hub.store.list_models()} == {"localhost/org/a", "localhost/org/d"}


# --- the space that models leave


@pytest.mark.parametrize("path", ["vocab-{}.txt", "config-{}.json"])
@pytest.mark.parametrize("fault", [Fault(), Fault(gzip=True, etag=""), Fault(chunked=True, etag="")])
async def test_a_model_of_many_files_leaves_space_for_settings_and_the_runtime(
    browser: Browser, path: str, fault: Fault
) -> None:
    names = [path.format(number) for number in range(40)]
    browser.hub.files |= {f"/org/model/v1/{name}": b'["%299996s"]' % name.encode() for name in names}
    browser.hub.always = fault
    browser.page.quota = 6_100_000
    hub = await browser.visit()

    async def load() -> None:
        for name in names:
            await hub.get(ModelFile("org/model", "v1", name), USE, AllowList((), ()))

    with pytest.raises(QuotaExceeded):
        await load()

    assert len(browser.hub.asked()) >= 15
    usage, quota, _ = await browser.page.storage_estimate()
    assert (quota or 0) - (usage or 0) >= spare_space(6_100_000) > 0


async def test_small_files_are_tried_out_together(profile: Profile) -> None:
    tried = await room(profile)
    profile.page.untold_quota = spare_space(profile.page.quota)
    size = LARGE_SIZE // 8
    for number in range(7):
        await tried.reserve(KEY._replace(path=f"{number}.json"), size)
        tried.release(KEY._replace(path=f"{number}.json"))
    with pytest.raises(QuotaExceeded):
        await tried.reserve(KEY._replace(path="7.json"), size)


async def test_a_small_file_is_stored_in_an_origin_that_others_have_filled(profile: Profile) -> None:
    quota = await room(profile)
    profile.page.usage, profile.page.quota = GIB - spare_space(GIB) // 2, GIB
    small = spare_space(GIB) // 64

    await quota.reserve(KEY, small // 2)
    quota.release(KEY)
    await quota.reserve(KEY, small // 2)
    quota.release(KEY)
    with pytest.raises(QuotaExceeded):
        await quota.reserve(KEY, 1)


def test_a_use_in_the_future_is_the_oldest(profile: Profile) -> None:
    """A clock was ahead once. The model would never be evicted."""
    now = profile.clock.now()
    models = [
        StoredModel(name, "v1", (), 10, 1, used, used) for name, used in [("a", now - 5), ("b", now + DAY), ("c", now)]
    ]
    assert [model.name for model in eviction_candidates(models, 15, (), now)] == ["b", "a"]


@pytest.mark.parametrize(
    ("quota", "spare"), [(0, 0), (160, 40), (160 * MIB, 40 * MIB), (GIB, SPARE), (10 * GIB, SPARE)]
)
def test_the_space_that_models_leave(quota: int, spare: int) -> None:
    assert spare_space(quota) == spare
