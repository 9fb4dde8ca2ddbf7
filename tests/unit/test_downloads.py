"""Downloads over real connections to a hub that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from modelden.core.locks import PageLocks
from modelden.core.memory_database import StorageWarning
from modelden.core.progress import ProgressEvent
from modelden.errors import (
    CacheSizeExceeded,
    DownloadInterrupted,
    FileNotFoundOnHub,
    HttpError,
    IntegrityError,
    NetworkError,
    NoHash,
    QuotaExceeded,
    RedirectRefused,
    StorageUnavailable,
)
from modelden.host.keys.crypto import HostCrypto
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_info import ManifestReader
from modelden.hub.catalog.integrity import ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.download import chunk_writer as body_module
from modelden.hub.files import HubFiles
from modelden.hub.policy import HubPolicy, StoragePolicy
from modelden.hub.store.records import CachedFile
from modelden.hub.store.schema import MODEL_FILES
from modelden.hub.store.store import Store
from modelden.hub.store.usage import Consumer
from modelden.ports import Ports
from tests.faults.hub import Fault, FaultyHub
from tests.simulators.blobs import MemoryBlobs
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase, MemoryDatabases
from tests.simulators.engines import ScriptedEngines, ScriptedSessions
from tests.simulators.fetcher import PageFetcher
from tests.simulators.surroundings import MemoryPresence, MemoryTabs, ScriptedExpressions, ScriptedPage, ThreadSuspender
from tests.simulators.timers import ManualTimers

CHUNK = 300_000
BIG = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(50_000))
PATH = "/org/model/v1/onnx/model.onnx"
FILES = {
    PATH: BIG,
    "/org/model/v2/onnx/model.onnx": BIG,
    "/org/other/v1/onnx/model.onnx": BIG,
    "/org/model/v1/config.json": b'{"model_type": "bert"}',
    "/org/model/main/config.json": b'{"model_type": "bert"}',
}
WEIGHTS = ModelFile("org/model", "v1", "onnx/model.onnx")
CONFIG = ModelFile("org/model", "v1", "config.json")
USE = Consumer("task", "engine")


class Browser:
    """A profile, and the hub that its pages ask."""

    def __init__(self, hub: FaultyHub, server: RunningServer) -> None:
        self.hub = hub
        self.root = server.url
        self.fetcher = PageFetcher()
        self.databases = MemoryDatabases()
        self.locks = PageLocks()
        self.clock = ManualClock()
        self.page = ScriptedPage()
        self.page.stored = self.databases.bytes_of_models

    async def database(self) -> MemoryDatabase:
        return await self.databases.open(MODEL_FILES)

    async def visit(
        self,
        policy: HubPolicy | None = None,
        manifests: ManifestReader | None = None,
        *,
        limits: StoragePolicy | None = None,
    ) -> HubFiles:
        """A page: nothing is known but what is stored."""
        address = HubAddress(self.root, "{model}/{revision}")
        database = await self.database()
        ports = Ports(
            fetcher=self.fetcher,
            databases=self.databases,
            blobs=MemoryBlobs(),
            crypto=HostCrypto(),
            engines=ScriptedEngines([]),
            sessions=ScriptedSessions(),
            expressions=ScriptedExpressions(),
            tabs=MemoryTabs(),
            page=self.page,
            locks=self.locks,
            presence=MemoryPresence(),
            suspender=ThreadSuspender(),
            timers=ManualTimers(self.clock),
            clock=self.clock,
        )
        store = Store(database, ports, limits or StoragePolicy())
        return HubFiles(address, store, ports, policy, manifests)

    async def get(
        self, file: ModelFile = WEIGHTS, policy: HubPolicy | None = None, *, limits: StoragePolicy | None = None
    ) -> CachedFile:
        return await (await self.visit(policy, limits=limits)).get(file, USE, AllowList((), ()))

    def stored(self) -> dict[str, int]:
        """Number of rows by store; of chunks the bytes."""
        stores = self.databases["modelFiles"].contents()
        sizes = {store: sum(row["data"].size for row in rows) for store, rows in stores.items() if store == "chunks"}
        return {store: len(rows) for store, rows in stores.items()} | sizes


@pytest.fixture
async def browser(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    # A size, not behaviour: with the real one each test would move a hundred megabytes.
    monkeypatch.setattr(body_module, "CHUNK_SIZE", CHUNK)
    hub = FaultyHub(dict(FILES))
    with RunningServer(hub) as server:
        browser = Browser(hub, server)
        yield browser
        await browser.fetcher.close()


WHOLE = {"headers": 1, "engines": 1, "tasks": 1, "files": 1, "chunks": len(BIG)}


async def test_a_file_is_stored_in_chunks_and_read_as_one(browser: Browser) -> None:
    cold = await browser.get()
    warm = await browser.get()

    assert await cold.blob.read() == await warm.blob.read() == BIG
    assert warm.sha256 == hashlib.sha256(BIG).hexdigest()
    assert warm.integrity == "hub"
    assert browser.stored() == WHOLE
    assert browser.hub.asked() == [PATH]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
async def test_a_cut_download_goes_on_where_it_broke_off(browser: Browser, share: float) -> None:
    browser.hub.next(Fault(cut_after=int(len(BIG) * share)))

    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) <= len(BIG) + CHUNK
    assert len(browser.hub.asked()) == 2
    assert browser.hub.asked()[1].startswith(f"{PATH} bytes=")
    assert browser.stored()["headers"] == 1
    assert "partials" not in browser.stored()


async def test_the_next_visit_resumes_what_was_given_up(browser: Browser) -> None:
    browser.hub.next(Fault(cut_after=1_000_000))
    browser.hub.always = Fault(close=True)
    with pytest.raises(NetworkError):
        await browser.get()
    stored = browser.stored()
    assert set(stored) == {"chunks", "partials"}
    browser.hub.heal()

    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) <= len(BIG) + CHUNK


async def test_a_download_that_breaks_off_again_and_again_but_moves_on_succeeds(browser: Browser) -> None:
    browser.hub.next(*[Fault(cut_after=200_000)] * 7)

    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) <= len(BIG)


async def test_an_error_names_the_byte_where_it_broke_off(browser: Browser) -> None:
    browser.hub.next(Fault(cut_after=1_000_000))
    browser.hub.always = Fault(cut_after=0)
    with pytest.raises(DownloadInterrupted, match=r"after 1000000 of 1600000 bytes") as caught:
        await browser.get()

    assert (caught.value.received, caught.value.total) == (1_000_000, len(BIG))


async def test_changed_bytes_are_fetched_from_the_first_one(browser: Browser) -> None:
    browser.hub.next(Fault(cut_after=1_000_000))
    browser.hub.always = Fault(close=True)
    with pytest.raises(NetworkError):
        await browser.get()
    browser.hub.heal()
    changed = browser.hub.files[PATH] = BIG[::-1]

    assert await (await browser.get()).blob.read() == changed
    assert browser.stored() == WHOLE


@pytest.mark.parametrize(
    "fault",
    [
        Fault(ignore_range=True),
        Fault(content_range=""),
        Fault(content_range="bytes 7-1599999/1600000"),
        Fault(content_range="bytes 0-1599999/1600000"),
        Fault(expose=False),
        Fault(status=416),
    ],
    ids=["ignored", "hidden", "another", "from the first byte", "all hidden", "refused"],
)
async def test_without_a_sure_answer_to_the_range_the_file_is_fetched_whole(browser: Browser, fault: Fault) -> None:
    browser.hub.next(Fault(cut_after=1_000_000), fault)

    assert await (await browser.get()).blob.read() == BIG
    assert browser.stored() == WHOLE


async def test_a_body_that_is_not_what_the_range_promised_is_fetched_whole(browser: Browser) -> None:
    wrong = Fault(body=BIG[:1_200_000] + bytes(400_000))
    browser.hub.next(Fault(cut_after=1_000_000), wrong)

    assert await (await browser.get()).blob.read() == BIG


async def test_a_hub_without_validators_is_asked_for_the_whole(browser: Browser) -> None:
    browser.hub.next(Fault(cut_after=1_000_000, etag=""), Fault(etag=""))

    kept = await browser.get()
    assert await kept.blob.read() == BIG
    assert kept.integrity == "first-seen"
    assert browser.hub.asked() == [PATH, PATH]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_passing_errors_are_tried_again(browser: Browser, status: int) -> None:
    browser.hub.next(Fault(status=status), Fault(status=status))

    assert await (await browser.get()).blob.read() == BIG
    first, second = browser.clock.slept
    assert 0.25 <= first <= 0.75
    assert 0.5 <= second <= 1.5


async def test_the_server_says_when_to_come_back(browser: Browser) -> None:
    browser.hub.next(Fault(status=429, retry_after=7))

    await browser.get()
    assert browser.clock.slept == [7]


async def test_a_server_that_wants_more_than_half_a_minute_is_left_alone(browser: Browser) -> None:
    browser.hub.always = Fault(status=503, retry_after=3600)
    with pytest.raises(HttpError) as caught:
        await browser.get()

    assert caught.value.retry_after == 3600
    assert len(browser.hub.log) == 1


@pytest.mark.parametrize(
    "fault", [Fault(close=True), Fault(status=500), Fault(cors=False)], ids=["closed", "500", "no CORS"]
)
async def test_it_gives_up_after_four_fruitless_tries_and_the_next_visit_works(browser: Browser, fault: Fault) -> None:
    browser.hub.always = fault
    with pytest.raises((NetworkError, HttpError)):
        await browser.get()
    assert len(browser.hub.log) == 4
    assert browser.stored() == {}
    browser.hub.heal()

    assert await (await browser.get()).blob.read() == BIG


@pytest.mark.parametrize("status", [400, 401, 403, 451])
async def test_lasting_errors_are_not_tried_again(browser: Browser, status: int) -> None:
    browser.hub.always = Fault(status=status)
    with pytest.raises(HttpError) as caught:
        await browser.get()

    assert caught.value.status == status
    assert len(browser.hub.log) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_a_missing_file_is_told_so(browser: Browser, status: int) -> None:
    browser.hub.next(Fault(status=status))
    with pytest.raises(FileNotFoundOnHub):
        await browser.get()

    assert await (await browser.get()).blob.read() == BIG


async def test_a_stalled_body_is_given_up_and_resumed(browser: Browser) -> None:
    browser.hub.next(Fault(stall_after=1_000_000))

    assert await (await browser.get(policy=HubPolicy(idle_timeout=0.2))).blob.read() == BIG
    assert browser.hub.served(PATH) <= len(BIG) + CHUNK


async def test_a_slow_body_is_not_given_up(browser: Browser) -> None:
    browser.hub.files[PATH] = BIG[:400_000]
    browser.hub.rate = 400_000

    assert await (await browser.get(policy=HubPolicy(idle_timeout=0.5))).blob.read() == BIG[:400_000]
    assert len(browser.hub.asked()) == 1


@pytest.mark.parametrize(
    ("file", "fault", "said"),
    [
        (WEIGHTS, Fault(html=True), "expected the file onnx/model.onnx, got a web page"),
        (CONFIG, Fault(html=True), "web page"),
        (CONFIG, Fault(body=b'{"model_type": "be', etag='"e"'), "no JSON"),
        (WEIGHTS, Fault(body=BIG[:-1] + b"?"), "SHA-256"),
        (WEIGHTS, Fault(linked_etag=f'"{"0" * 64}"'), "SHA-256 " + "0" * 64),
    ],
    ids=["web page", "web page for JSON", "cut JSON", "flipped byte", "hub's hash"],
)
async def test_what_cannot_be_right_is_refused_and_not_stored(
    browser: Browser, file: ModelFile, fault: Fault, said: str
) -> None:
    browser.hub.always = fault
    with pytest.raises(IntegrityError, match=said):
        await browser.get(file)
    assert browser.stored() == {}
    browser.hub.heal()

    assert (await browser.get(file)).blob.size == len(FILES[f"/org/model/v1/{file.file}"])


async def test_hashes_can_be_required(browser: Browser) -> None:
    browser.hub.always = Fault(etag='"1"')
    with pytest.raises(NoHash):
        await browser.get(policy=HubPolicy(require_hashes=True))
    assert browser.stored() == {}
    browser.hub.heal()

    assert (await browser.get(policy=HubPolicy(require_hashes=True))).integrity == "hub"


async def test_compressed_and_chunked_answers_are_stored_as_they_unfold(browser: Browser) -> None:
    browser.hub.next(Fault(gzip=True), Fault(gzip=True, chunked=True), Fault(chunked=True))
    browser.hub.files["/org/model/v1/a.onnx"] = bytes(500_000)
    for revision in ("v1", "v3", "v4"):
        browser.hub.files[f"/org/model/{revision}/a.txt"] = revision.encode() * 100_000
        kept = await browser.get(ModelFile("org/model", revision, "a.txt"))
        assert await kept.blob.read() == revision.encode() * 100_000


async def test_cancelling_stops_the_network_and_keeps_what_came(browser: Browser) -> None:
    browser.hub.next(Fault(stall_after=1_000_000))
    arrived = asyncio.Event()

    def notice(event: ProgressEvent) -> None:
        if event.total_loaded == 1_000_000:
            arrived.set()

    hub = await browser.visit()
    getting = asyncio.ensure_future(hub.get(WEIGHTS, USE, AllowList((), ()), notice))
    await arrived.wait()
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting

    assert await asyncio.to_thread(browser.hub.client_gone.wait, 10)
    assert set(browser.stored()) == {"chunks", "partials"}
    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) == len(BIG)


async def test_a_cancelled_download_ends_as_cancelled_where_storage_fails_too(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.hub.next(Fault(stall_after=1_000_000))
    arrived = asyncio.Event()
    database = await browser.database()

    async def refuse(*_: object) -> None:
        raise StorageUnavailable("The database is gone.")

    def notice(event: ProgressEvent) -> None:
        if event.total_loaded == 1_000_000:
            monkeypatch.setattr(database, "get", refuse)
            monkeypatch.setattr(database, "commit", refuse)
            arrived.set()

    hub = await browser.visit()
    getting = asyncio.ensure_future(hub.get(WEIGHTS, USE, AllowList((), ()), notice))
    await arrived.wait()
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting


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


async def test_equal_files_are_stored_once_and_deleted_with_the_last(browser: Browser) -> None:
    await browser.get()
    await browser.get(ModelFile("org/other", "v1", "onnx/model.onnx"))
    assert browser.stored() == {"headers": 2, "engines": 2, "tasks": 2, "files": 2, "chunks": len(BIG)}

    hub = await browser.visit()
    await hub.store.delete_models(model="localhost/org/model", revision="v1")
    assert browser.stored() == WHOLE
    other = await browser.get(ModelFile("org/other", "v1", "onnx/model.onnx"))
    assert await other.blob.read() == BIG
    await hub.store.delete_models(model="localhost/org/other", revision="v1")
    assert browser.stored() == {}


async def test_a_new_revision_with_the_same_tag_is_not_downloaded(browser: Browser) -> None:
    await browser.get()
    kept = await browser.get(ModelFile("org/model", "v2", "onnx/model.onnx"))

    assert await kept.blob.read() == BIG
    assert browser.hub.asked() == [PATH]
    assert browser.hub.asked("HEAD") == ["/org/model/v2/onnx/model.onnx"]


async def test_a_stored_file_that_is_not_whole_is_fetched_again(browser: Browser) -> None:
    await browser.get()
    database = await browser.database()
    del database.rows["chunks"][next(iter(database.rows["chunks"]))]

    assert await (await browser.get()).blob.read() == BIG
    assert browser.stored() == WHOLE
    assert browser.hub.asked() == [PATH, PATH]


async def test_a_stored_beginning_that_is_not_whole_is_not_used(browser: Browser) -> None:
    browser.hub.next(Fault(cut_after=1_000_000))
    browser.hub.always = Fault(close=True)
    with pytest.raises(NetworkError):
        await browser.get()
    database = await browser.database()
    del database.rows["chunks"][next(iter(database.rows["chunks"]))]
    browser.hub.heal()

    assert await (await browser.get()).blob.read() == BIG
    assert browser.stored() == WHOLE


async def test_where_ranges_need_a_permission_that_is_refused_the_file_is_fetched_whole(browser: Browser) -> None:
    browser.hub.next(Fault(cut_after=1_000_000))
    browser.hub.preflight = False

    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.asked() == [PATH, PATH]
    assert browser.stored() == WHOLE


async def test_a_full_disk_is_an_error_and_leaves_nothing(browser: Browser) -> None:
    (await browser.database()).full = True
    with pytest.raises(QuotaExceeded):
        await browser.get()

    assert browser.stored() == {}


async def test_a_full_disk_is_no_obstacle_where_memory_will_do(browser: Browser) -> None:
    (await browser.database()).full = True
    hub = await browser.visit(limits=StoragePolicy(memory_when_full=True))
    with pytest.warns(StorageWarning, match="from memory"):
        kept = await hub.get(WEIGHTS, USE, AllowList((), ()))

    assert await kept.blob.read() == BIG
    assert browser.stored() == {}
    again = await hub.get(WEIGHTS, USE, AllowList((), ()))
    assert await again.blob.read() == BIG
    assert browser.hub.asked() == [PATH]


async def test_a_disk_that_fills_up_half_way_is_no_obstacle_where_memory_will_do(browser: Browser) -> None:
    database = await browser.database()
    hub = await browser.visit(limits=StoragePolicy(memory_when_full=True))

    def fill(event: ProgressEvent) -> None:
        database.full = (event.total_loaded or 0) > 2 * CHUNK

    with pytest.warns(StorageWarning):
        kept = await hub.get(WEIGHTS, USE, AllowList((), ()), fill)
    assert await kept.blob.read() == BIG
    assert kept.sha256 == hashlib.sha256(BIG).hexdigest()
    assert "headers" not in browser.stored()


async def test_room_is_asked_for_before_the_first_byte(browser: Browser) -> None:
    browser.page.quota = 1_000_000
    with pytest.raises(QuotaExceeded) as caught:
        await browser.get()

    assert (caught.value.needed, caught.value.available) == (len(BIG), 999_000)
    assert browser.stored() == {}
    browser.page.quota = 10_000_000
    assert await (await browser.get()).blob.read() == BIG


async def test_files_that_come_side_by_side_share_the_room(browser: Browser) -> None:
    browser.hub.files["/org/model/v1/other.bin"] = BIG[::-1]
    browser.page.quota = 2_000_000
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
    await lease.add("localhost/org/c", "v1")
    with pytest.raises(CacheSizeExceeded):
        await browser.get(ModelFile("org/d", "v1", "m.bin"), limits=limits)
    lease.end()
    await browser.get(ModelFile("org/d", "v1", "m.bin"), limits=limits)
    assert {model.name for model in await hub.store.list_models()} == {"localhost/org/a", "localhost/org/d"}


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


SIGNED = ExpectedFile(hashlib.sha256(BIG).hexdigest(), len(BIG), "signed")


class Manifest:
    """Vouches for every file in the same words."""

    def __init__(self, expected: ExpectedFile) -> None:
        self._expected = expected

    async def expected(self, _file: ModelFile, /) -> ExpectedFile:
        return self._expected

    async def files(self, _model: str, _revision: str, /) -> None:
        """It names none."""


async def test_the_signed_manifest_counts_before_the_hub(browser: Browser) -> None:
    forged = Fault(body=BIG[::-1], etag=f'"{hashlib.sha256(BIG[::-1]).hexdigest()}"')
    browser.hub.next(forged)
    hub = await browser.visit(manifests=Manifest(SIGNED))
    with pytest.raises(IntegrityError, match=f"expected SHA-256 {SIGNED.sha256}"):
        await hub.get(WEIGHTS, USE, AllowList((), ()))
    assert browser.stored() == {}

    assert (await hub.get(WEIGHTS, USE, AllowList((), ()))).integrity == "signed"
    other = await hub.get(ModelFile("org/other", "v1", "onnx/model.onnx"), USE, AllowList((), ()))
    assert await other.blob.read() == BIG
    assert browser.hub.asked() == [PATH, PATH]


async def test_a_mirror_is_asked_for_what_has_a_hash(browser: Browser) -> None:
    mirror = FaultyHub(dict(FILES))
    browser.hub.always = Fault(status=503)
    with RunningServer(mirror) as server:
        policy = HubPolicy(mirrors=(HubAddress(server.url, "{model}/{revision}"),))
        with pytest.raises(HttpError):
            await browser.get(policy=policy)
        assert mirror.log == []

        hub = await browser.visit(policy, Manifest(SIGNED))
        mirror.next(Fault(body=bytes(len(BIG))))
        with pytest.raises(IntegrityError):
            await hub.get(WEIGHTS, USE, AllowList((), ()))
        assert (await hub.get(WEIGHTS, USE, AllowList((), ()))).sha256 == SIGNED.sha256
        (stored,) = await hub.store.list_files("localhost/org/model", "v1")
        assert stored.hub == server.url


@pytest.mark.parametrize(
    "fault", [Fault(status=404), Fault(body=bytes(len(BIG))), Fault(html=True)], ids=["404", "other bytes", "web page"]
)
async def test_a_mirror_is_asked_for_what_the_hub_does_not_have_right(browser: Browser, fault: Fault) -> None:
    browser.hub.always = replace(fault, etag="")  # no hash is told, and nobody asks a mirror
    mirror = FaultyHub(dict(FILES))
    with RunningServer(mirror) as server:
        policy = HubPolicy(mirrors=(HubAddress(server.url, "{model}/{revision}"),))
        with pytest.raises((HttpError, IntegrityError)):
            await (await browser.visit(policy)).get(CONFIG, USE, AllowList((), ()))
        assert mirror.log == []

        browser.hub.always = fault
        kept = await (await browser.visit(policy, Manifest(SIGNED))).get(WEIGHTS, USE, AllowList((), ()))
        assert (kept.sha256, kept.integrity) == (SIGNED.sha256, "signed")
        assert browser.stored() == WHOLE


async def test_headers_go_to_the_hub_and_nowhere_else(browser: Browser) -> None:
    await browser.get(policy=HubPolicy(headers={"Authorization": "Bearer secret"}))

    assert browser.hub.log[-1].headers["authorization"] == "Bearer secret"
    assert "secret" not in repr(browser.databases["modelFiles"].contents())
    assert "secret" not in repr(HubPolicy(headers={"Authorization": "Bearer secret"}))


async def test_a_token_does_not_go_where_the_hub_redirects_to(browser: Browser) -> None:
    other = FaultyHub(dict(FILES))
    with RunningServer(other) as server:
        browser.hub.next(Fault(redirect=server.url + PATH))
        kept = await browser.get(policy=HubPolicy(headers={"Authorization": "Bearer secret"}))

    assert await kept.blob.read() == BIG
    assert "authorization" in browser.hub.log[-1].headers
    assert "authorization" not in other.log[-1].headers


async def test_with_other_private_headers_redirects_are_refused(browser: Browser) -> None:
    other = FaultyHub(dict(FILES))
    with RunningServer(other) as server:
        browser.hub.always = Fault(redirect=server.url + PATH)
        with pytest.raises(RedirectRefused, match="Give a token"):
            await browser.get(policy=HubPolicy(headers={"X-Api-Key": "secret"}))

    assert other.log == []
    assert browser.hub.asked() == [PATH]
    assert browser.stored() == {}


async def test_private_headers_do_not_go_to_a_mirror(browser: Browser) -> None:
    mirror = FaultyHub(dict(FILES))
    with RunningServer(mirror) as server:
        mirrors = (HubAddress(server.url, "{model}/{revision}"),)
        policy = HubPolicy(mirrors=mirrors, headers={"Authorization": "Bearer secret", "X-Api-Key": "secret"})
        hub = await browser.visit(policy, Manifest(SIGNED))
        mirror.next(Fault(redirect=browser.root + PATH.replace("v1", "v2")))
        browser.hub.next(*[Fault(status=503)] * 4)
        await hub.get(WEIGHTS, USE, AllowList((), ()))

    assert "secret" not in repr(mirror.log)
    assert "secret" not in repr(browser.hub.log[-1])


async def test_progress_is_of_the_file_where_the_wire_is_compressed(browser: Browser) -> None:
    browser.hub.files[PATH] = plain = bytes(range(256)) * 8000
    signed = ExpectedFile(hashlib.sha256(plain).hexdigest(), len(plain), "signed")
    browser.hub.next(Fault(gzip=True))
    events: list[ProgressEvent] = []
    hub = await browser.visit(manifests=Manifest(signed))
    await hub.get(WEIGHTS, USE, AllowList((), ()), events.append)

    told = [event.progress for event in events if event.progress is not None]
    assert told == sorted(told)
    assert [share for share in told if share >= 100] == [100]
    assert {event.total for event in events if event.total} == {len(plain)}


async def test_a_compressed_download_that_is_cut_ends_as_the_right_file(browser: Browser) -> None:
    browser.hub.next(Fault(gzip=True, cut_after=800_000))

    assert await (await browser.get()).blob.read() == BIG
    assert browser.stored() == WHOLE
