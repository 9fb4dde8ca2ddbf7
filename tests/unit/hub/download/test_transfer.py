"""Transfers over real connections from a hub that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from modelden.core.events import ProgressEvent
from modelden.core.memory_database import StorageWarning
from modelden.errors import (
    CacheSizeExceeded,
    DownloadInterrupted,
    FileNotFoundOnHub,
    HttpError,
    IntegrityError,
    NetworkError,
    NoHash,
    QuotaExceeded,
    StorageUnavailable,
)
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog import file_format
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.integrity import ExpectedFile
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.policy import HubPolicy, StoragePolicy
from modelden.hub.store.quota import GIB
from tests.faults.hub import Fault, FaultyHub
from tests.simulators.fetcher import PageFetcher
from tests.simulators.slow_bodies import SlowBodyFetcher
from tests.unit.hub.browser import BIG, CHUNK, CONFIG, FILES, PATH, USE, WEIGHTS, WHOLE, Browser, Manifest


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
    delays = {1_000_000: 31.0}
    browser.fetcher = SlowBodyFetcher(lambda _path, received: delays.pop(received, 0))

    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) <= len(BIG) + CHUNK
    assert not delays
    await browser.fetcher.close()


async def test_a_hub_that_only_drips_is_given_up_and_the_next_visit_resumes(browser: Browser) -> None:
    browser.fetcher = SlowBodyFetcher(
        lambda _path, received: 29 if received > 500_000 or browser.hub.log[1:] else 0, piece=1000
    )
    with pytest.raises(DownloadInterrupted, match="fewer than 1024 a second"):
        await browser.get()
    await browser.fetcher.close()
    assert len(browser.hub.asked()) == 4
    received = browser.stored()["chunks"]
    assert received > 500_000

    browser.fetcher = PageFetcher()
    before = browser.hub.served(PATH)
    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.served(PATH) - before == len(BIG) - received


async def test_a_mirror_takes_over_from_a_hub_that_only_drips(browser: Browser) -> None:
    mirror = FaultyHub(dict(FILES))
    browser.fetcher = SlowBodyFetcher(lambda _path, _received: 0 if browser.hub.log[4:] else 29, piece=1000)
    with RunningServer(mirror) as server:
        mirrors = (HubAddress(server.url, "{model}/{revision}"),)
        assert await (await browser.get(policy=HubPolicy(mirrors=mirrors))).blob.read() == BIG
    await browser.fetcher.close()


async def test_a_slow_body_is_not_given_up(browser: Browser) -> None:
    browser.fetcher = SlowBodyFetcher(lambda _path, _received: 29)

    assert await (await browser.get()).blob.read() == BIG
    assert len(browser.hub.asked()) == 1
    await browser.fetcher.close()


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


@pytest.mark.parametrize("fault", [Fault(gzip=True, etag=""), Fault(chunked=True, etag="")], ids=["gzip", "no length"])
async def test_a_body_that_grows_beyond_the_limit_is_ended(browser: Browser, fault: Fault) -> None:
    browser.hub.files["/org/model/v1/vocab.txt"] = bytes(30_000_000)
    browser.hub.always = fault
    limits = StoragePolicy(max_size=20_000_000 / GIB)

    with pytest.raises(CacheSizeExceeded) as caught:
        await browser.get(ModelFile("org/model", "v1", "vocab.txt"), limits=limits)

    assert (caught.value.needed or 0) <= 20_000_000 + 2 * CHUNK
    assert browser.stored() == {}


@pytest.mark.parametrize("fault", [Fault(gzip=True, etag=""), Fault(chunked=True, etag="")], ids=["gzip", "no length"])
async def test_an_endless_body_evicts_no_model(browser: Browser, fault: Fault) -> None:
    await browser.get(WEIGHTS)
    before = browser.stored()
    browser.hub.files["/org/endless/v1/vocab.txt"] = bytes(30_000_000)
    browser.hub.always = fault

    with pytest.raises(CacheSizeExceeded):
        await browser.get(
            ModelFile("org/endless", "v1", "vocab.txt"), limits=StoragePolicy(max_size=20_000_000 / GIB, evict=True)
        )

    assert browser.stored() == before


@pytest.mark.parametrize("fault", [Fault(gzip=True, etag=""), Fault(chunked=True, etag="")], ids=["gzip", "no length"])
async def test_a_body_that_unfolds_may_evict_a_model(browser: Browser, fault: Fault) -> None:
    await browser.get(WEIGHTS)
    name = "tokenizer.json" if fault.chunked else "vocab.txt"  # the size of JSON is limited
    body = b"{" + hashlib.shake_256(b"").hexdigest(300_000).encode() + b"}"  # gzip makes half of it
    body = b"{" + b" " * 600_000 + b"}" if fault.chunked else body
    browser.hub.files[f"/org/other/v1/{name}"] = body
    browser.hub.always = fault

    kept = await browser.get(
        ModelFile("org/other", "v1", name), limits=StoragePolicy(max_size=2_000_000 / GIB, evict=True)
    )

    assert kept.blob.size == len(body)
    assert browser.stored()["files"] == 1


async def test_a_body_that_grows_beyond_the_browsers_quota_is_ended(browser: Browser) -> None:
    browser.hub.files["/org/model/v1/vocab.txt"] = bytes(30_000_000)
    browser.hub.always = Fault(gzip=True, etag="")
    browser.page.quota = 20_000_000

    with pytest.raises(QuotaExceeded):
        await browser.get(ModelFile("org/model", "v1", "vocab.txt"))

    assert browser.stored() == {}


async def test_a_body_that_grows_takes_no_more_than_there_is(browser: Browser) -> None:
    body = browser.hub.files["/org/model/v1/vocab.txt"] = bytes(5_000_000)
    browser.hub.always = Fault(gzip=True, etag="")

    kept = await browser.get(ModelFile("org/model", "v1", "vocab.txt"), limits=StoragePolicy(max_size=5_000_000 / GIB))

    assert kept.blob.size == len(body)


async def test_a_body_that_grows_goes_to_memory_if_that_is_allowed(browser: Browser) -> None:
    body = browser.hub.files["/org/model/v1/vocab.txt"] = bytes(5_000_000)
    browser.hub.always = Fault(gzip=True, etag="")
    limits = StoragePolicy(max_size=2_000_000 / GIB, memory_when_full=True)

    with pytest.warns(StorageWarning, match="Exceeding cache size limit"):
        kept = await browser.get(ModelFile("org/model", "v1", "vocab.txt"), limits=limits)

    assert await kept.blob.read() == body
    assert browser.stored() == {}


@pytest.mark.parametrize("fault", [Fault(), Fault(gzip=True), Fault(chunked=True)], ids=["told", "gzip", "no length"])
async def test_json_has_a_limit(browser: Browser, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_format, "JSON_LIMIT", 1_000_000)  # a size, not behaviour
    browser.hub.files["/org/model/v1/config.json"] = b"[" + b" " * 3_000_000 + b"]"
    browser.hub.always = fault

    with pytest.raises(IntegrityError, match="a JSON file of at most 1000000 bytes"):
        await browser.get(CONFIG)

    assert browser.stored() == {}


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

    assert await asyncio.to_thread(browser.hub.client_disconnect.wait, 120)
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


async def test_progress_is_of_the_file_where_the_wire_is_compressed(browser: Browser) -> None:
    browser.hub.files[PATH] = plain = bytes(range(256)) * 8000
    signed = ExpectedFile(hashlib.sha256(plain).hexdigest(), len(plain), "signed")
    browser.hub.next(Fault(gzip=True))
    events: list[ProgressEvent] = []
    hub = await browser.visit(manifests=Manifest(signed))
    await hub.get(WEIGHTS, USE, AllowList((), ()), events.append)

    shares = [event.progress for event in events if event.progress is not None]
    assert shares == sorted(shares)
    assert [share for share in shares if share >= 100] == [100]
    assert {event.total for event in events if event.total} == {len(plain)}


async def test_a_compressed_download_that_is_cut_ends_as_the_right_file(browser: Browser) -> None:
    browser.hub.next(Fault(gzip=True, cut_after=800_000))

    assert await (await browser.get()).blob.read() == BIG
    assert browser.stored() == WHOLE
