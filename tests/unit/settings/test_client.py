"""Reading and syncing collections, over the real server's application."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from modelden.core.events import ProgressEvent
from modelden.core.response_body import read_text
from modelden.errors import (
    HttpError,
    InvalidResponse,
    ModelDenError,
    NetworkError,
    QuotaExceeded,
    ResponseTooLarge,
    ServerBusy,
    SignatureError,
    UnavailableError,
    UnknownCollection,
)
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.settings.changeset import Record, SyncEvent, identity_record
from modelden.settings.client import SettingsClient
from modelden.settings.listeners import SyncListeners
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN, RECORDS, TIMESTAMP

OPTIONS = "ml-inference-options"
CID = f"main/{OPTIONS}"
MONITOR = f"GET /v1/buckets/monitor/collections/changes/changeset?collection={OPTIONS}&bucket=main&_expected=0"
CHANGESET = f"GET /v1/buckets/main/collections/{OPTIONS}/changeset?_expected="
PATH = f"/v1/buckets/main/collections/{OPTIONS}/changeset"


async def client_of(profile: Profile) -> SettingsClient:
    """The settings of a new page."""
    return (await profile.visit().settings()).client


def ids(records: list[Record]) -> set[str]:
    return {record["id"] for record in records}


def as_published(application: Application) -> list[Record]:
    return list(application.collections["main", OPTIONS].state.records.values())


async def test_a_cold_read_asks_in_firefoxs_order(profile: Profile, application: Application) -> None:
    records = await (await client_of(profile)).get(OPTIONS)

    *asked, chain = profile.requests()
    assert asked == ["GET /v1/", MONITOR, f"{CHANGESET}{TIMESTAMP}"]
    assert chain.startswith("GET /chains/")
    assert records == as_published(application)


async def test_a_second_collection_asks_neither_root_page_nor_chain_again(profile: Profile) -> None:
    client = await client_of(profile)
    await client.get(OPTIONS)
    profile.requests()
    await client.get("ml-onnx-runtime")

    assert [request.partition("?")[0] for request in profile.requests()] == [
        "GET /v1/buckets/monitor/collections/changes/changeset",
        "GET /v1/buckets/main/collections/ml-onnx-runtime/changeset",
    ]


async def test_a_warm_read_asks_nothing_in_this_page_and_the_next(profile: Profile) -> None:
    client = await client_of(profile)
    cold = await client.get(OPTIONS)
    profile.requests()
    profile.clock.advance(hours=23.9)

    assert await client.get(OPTIONS) == cold
    assert await (await client_of(profile)).get(OPTIONS) == cold
    assert profile.requests() == []


async def test_after_a_day_the_server_is_asked_whether_anything_changed(profile: Profile) -> None:
    client = await client_of(profile)
    cold = await client.get(OPTIONS)
    profile.requests()
    profile.clock.advance(hours=24)

    assert await client.get(OPTIONS) == cold
    assert profile.requests() == [MONITOR]
    assert await client.get(OPTIONS) == cold
    assert profile.requests() == []


async def test_after_a_day_only_what_changed_is_fetched(profile: Profile, application: Application) -> None:
    client = await client_of(profile)
    await client.get(OPTIONS)
    profile.requests()
    collection = application.collections["main", OPTIONS]
    collection.update("options", modelRevision="v2.0")
    collection.delete("summaries")
    timestamp = collection.publish({"id": "new", "taskName": "translation"})
    profile.clock.advance(hours=24)
    records = await client.get(OPTIONS)

    assert profile.requests() == [MONITOR, f"{CHANGESET}{timestamp}&_since={TIMESTAMP}"]
    assert ids(records) == {"options", "new"}
    assert {record.get("modelRevision") for record in records} == {"v2.0", None}
    profile.requests()
    assert sorted(await (await client_of(profile)).get(OPTIONS), key=by_id) == sorted(records, key=by_id)
    assert profile.requests() == []


async def test_a_sync_can_be_asked_for(profile: Profile, application: Application) -> None:
    client = await client_of(profile)
    await client.get(OPTIONS)
    application.collections["main", OPTIONS].delete("summaries")

    assert ids(await client.get(OPTIONS)) == {"options", "summaries"}
    assert ids(await client.get(OPTIONS, force_sync=True)) == {"options"}


async def test_a_read_can_be_told_not_to_sync(profile: Profile) -> None:
    assert await (await client_of(profile)).get(OPTIONS, sync_if_empty=False) == []
    assert profile.requests() == []


async def test_an_empty_collection_is_a_collection(profile: Profile, application: Application) -> None:
    application.collections["main", OPTIONS].replace([])
    client = await client_of(profile)

    assert await client.get(OPTIONS) == []
    profile.requests()
    assert await client.get(OPTIONS) == []
    assert profile.requests() == []


async def test_records_are_filtered_and_sorted(profile: Profile) -> None:
    client = await client_of(profile)

    assert ids(await client.get(OPTIONS, filters={"taskName": "summarization"})) == {"summaries"}
    assert [record["id"] for record in await client.get(OPTIONS, order="-id")] == ["summaries", "options"]


async def test_records_for_others_are_left_out(
    profile: Profile, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application.collections["main", OPTIONS].replace(
        [
            {"id": "for all"},
            {"id": "empty", "filter_expression": ""},
            {"id": "for us", "filter_expression": "1 == 1"},
            {"id": "for others", "filter_expression": "1 == 2"},
            {"id": "broken", "filter_expression": "1 =="},
        ]
    )
    profile.expressions.verdicts = {"1 == 1": True, "1 == 2": False}
    client = await client_of(profile)
    with caplog.at_level(logging.WARNING):
        records = await client.get(OPTIONS)

    assert ids(records) == {"for all", "empty", "for us"}
    assert "'1 =='" in caplog.text
    assert profile.expressions.contexts[0]["env"]["locale"] == "en-US"
    # All are stored: the next page may be one of the others.
    database = await profile.database("remote-settings")
    assert len(await database.get_all("records")) == 5


async def test_parallel_reads_share_one_sync(profile: Profile) -> None:
    client = await client_of(profile)
    results = await asyncio.gather(*(client.get(OPTIONS) for _ in range(5)))

    assert all(result == results[0] for result in results)
    assert len(profile.requests()) == 4


async def test_a_sync_tells_what_changed_and_so_does_its_event(profile: Profile, application: Application) -> None:
    events: list[SyncEvent] = []
    listeners = SyncListeners()
    stop = listeners.add(CID, events.append)
    client = (await profile.visit(listeners=listeners).settings()).client
    await client.get(OPTIONS)
    collection = application.collections["main", OPTIONS]
    collection.update("options", dtype="fp32")
    collection.delete("summaries")
    collection.publish({"id": "new"})
    event = await client.sync(OPTIONS)
    stop()
    collection.delete("new")
    await client.sync(OPTIONS)

    assert ids(list(event.current)) == {"options", "new"}
    assert [record["id"] for record in event.created] == ["new"]
    assert [(old["dtype"], new["dtype"]) for old, new in event.updated] == [("q8", "fp32")]
    assert [record["id"] for record in event.deleted] == ["summaries"]
    assert events[-1] == event
    assert not await client.sync(OPTIONS)


async def test_progress_names_the_collection(profile: Profile) -> None:
    events: list[ProgressEvent] = []
    client = await client_of(profile)
    await client.get(OPTIONS, events.append)
    await client.get(OPTIONS, events.append)

    assert [(event.type, event.status_text, event.id, event.ok) for event in events] == [
        ("syncing_settings", "initiate", OPTIONS, True),
        ("syncing_settings", "done", OPTIONS, True),
    ]


MONITOR_PATH = "/v1/buckets/monitor/*"

UNUSABLE: dict[str, tuple[Fault, type[UnavailableError], str]] = {
    "no answer": (Fault(path="/v1/*", drop_cors=True), NetworkError, f"{ORIGIN}/v1/"),
    "maintenance": (Fault(path="/v1/*", status=503, body="<html>"), HttpError, "answered 503"),
    "no monitor": (Fault(path=MONITOR_PATH, status=404), HttpError, "answered 404"),
    "HTML for the monitor": (Fault(path=MONITOR_PATH, body="<html>"), InvalidResponse, "a changeset in JSON"),
    "not in the monitor": (
        Fault(path=MONITOR_PATH, body='{"timestamp": 1, "changes": [], "metadata": {}}'),
        UnknownCollection,
        CID,
    ),
    "nonsense in the monitor": (
        Fault(
            path=MONITOR_PATH,
            body=json.dumps(
                {
                    "timestamp": 1,
                    "changes": [
                        {"id": "a", "bucket": "main", "collection": OPTIONS},
                        {"id": "b", "bucket": "main", "collection": OPTIONS, "last_modified": "1"},
                        {"id": "c", "last_modified": 1},
                        {"id": "d", "bucket": ["main"], "collection": {}, "last_modified": 1},
                    ],
                }
            ),
        ),
        UnknownCollection,
        CID,
    ),
    "no collection": (Fault(path=PATH, status=404), UnknownCollection, CID),
    "an error": (Fault(path=PATH, status=500, body='{"message": "We are ill."}'), HttpError, "We are ill."),
    "HTML with status 200": (Fault(path=PATH, body="<!doctype html>"), InvalidResponse, "expected a changeset in JSON"),
    "nothing": (Fault(path=PATH, body=""), InvalidResponse, "expected a changeset in JSON, got ''"),
    "a number": (Fault(path=PATH, body="1"), InvalidResponse, "a JSON object"),
    "no timestamp": (Fault(path=PATH, body='{"changes": []}'), InvalidResponse, "an integer timestamp, got None"),
    "no changes": (Fault(path=PATH, body='{"timestamp": 1}'), InvalidResponse, "a list of changes"),
    "nesting without end": (Fault(path=PATH, body="[" * 200_000), InvalidResponse, "expected a changeset in JSON"),
    "too much": (Fault(path=PATH, body=" " * (20 * 1024 * 1024 + 1)), ResponseTooLarge, "20971520 bytes"),
}


@pytest.mark.parametrize("fault", UNUSABLE)
async def test_a_cold_read_without_a_usable_answer_fails_in_words(
    profile: Profile, application: Application, fault: str
) -> None:
    rule, error, words = UNUSABLE[fault]
    application.faults.set(rule)
    client = await client_of(profile)

    with pytest.raises(UnavailableError) as caught:
        await client.get(OPTIONS)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert profile.databases.contents() == {}

    application.faults.set()
    assert ids(await client.get(OPTIONS)) == {"options", "summaries"}


@pytest.mark.parametrize("fault", UNUSABLE)
async def test_old_data_is_used_while_the_server_cannot_be(
    profile: Profile, application: Application, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    cold = await (await client_of(profile)).get(OPTIONS)
    before = profile.databases.contents()
    application.collections["main", OPTIONS].delete("summaries")
    application.faults.set(UNUSABLE[fault][0])
    profile.clock.advance(hours=25)
    client = await client_of(profile)
    with caplog.at_level(logging.WARNING):
        assert await client.get(OPTIONS) == cold

    assert f"{CID} could not be renewed, the stored copy is used" in caplog.text
    assert profile.databases.contents() == before
    application.faults.set()
    assert ids(await client.get(OPTIONS)) == {"options"}


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"body": "<!doctype html>"}, {"body": "[]"}, {"body": "[" * 10_000}]
)
async def test_collections_need_no_root_page(profile: Profile, application: Application, fault: dict[str, Any]) -> None:
    application.faults.set(Fault(path="/v1/", **fault))

    assert ids(await (await client_of(profile)).get(OPTIONS)) == {"options", "summaries"}


async def test_a_server_that_refuses_since_is_asked_for_everything(profile: Profile, application: Application) -> None:
    """The published kinto-changes wants quotes around ``_since``, and answers 400 without."""
    client = await client_of(profile)
    await client.get(OPTIONS)
    application.collections["main", OPTIONS].delete("summaries")
    application.faults.set(Fault(path=PATH, status=400, times=1))

    assert ids(await client.get(OPTIONS, force_sync=True)) == {"options"}
    assert "_since" not in profile.requests()[-1]


async def test_a_server_that_ignores_since_says_everything(profile: Profile, application: Application) -> None:
    """Static hosting: what is not in the answer is gone, though there is no tombstone."""
    collection = application.collections["main", OPTIONS]
    collection.publish({"id": "third"})
    client = await client_of(profile)
    await client.get(OPTIONS)
    collection.delete("summaries")
    answer = await full_changeset(profile)
    application.faults.set(Fault(path=PATH, body=answer))

    assert ids(await client.get(OPTIONS, force_sync=True)) == {"options", "third"}


async def full_changeset(profile: Profile) -> str:
    async with profile.fetcher.fetch(f"{ORIGIN}{PATH}?_expected=0") as response:
        return await read_text(response, response.url, 1_000_000)


async def test_a_busy_server_is_left_alone_by_this_page_and_the_next(
    profile: Profile, application: Application
) -> None:
    client = await client_of(profile)
    await client.get(OPTIONS)
    application.faults.set(Fault(path=MONITOR_PATH, status=503, body="{}"))
    profile.clock.advance(hours=25)
    database = await profile.database("remote-settings")
    # What `Backoff: 3600` leaves behind; the fault switch sets no headers.
    until = profile.clock.now() + 3_600_000
    database.rows["timestamps"][f"modelden-backoff {ORIGIN}/v1"] = {
        "cid": f"modelden-backoff {ORIGIN}/v1",
        "value": until,
    }
    profile.requests()
    with pytest.raises(ServerBusy) as caught:
        await client.get("ml-onnx-runtime")
    with pytest.raises(ServerBusy):
        await (await client_of(profile)).get("ml-onnx-runtime")

    assert caught.value.seconds == 3600
    assert ids(await client.get(OPTIONS)) == {"options", "summaries"}
    assert profile.requests() == []
    application.faults.set()
    profile.clock.advance(hours=1)
    assert len(await client.get("ml-onnx-runtime")) == 1


async def test_a_full_disk_stores_nothing_and_the_next_try_works(profile: Profile) -> None:
    client = await client_of(profile)
    await profile.fill("remote-settings")
    with pytest.raises(QuotaExceeded, match="The browser has no room"):
        await client.get(OPTIONS)
    assert profile.databases.contents() == {}

    await profile.fill("remote-settings", full=False)
    assert ids(await client.get(OPTIONS)) == {"options", "summaries"}


ANOTHER_SOURCE: dict[str, Callable[[Profile], dict[str, Any]]] = {
    "server": lambda _: {"settings_server": "http://127.0.0.1:8642/v1"},
    "bucket": lambda _: {"settings_bucket": "main-preview"},
    "signer": lambda _: {"signer_name": "onecrl.content-signature.mozilla.org"},
    "root": lambda _: {"root_hash": "00" * 32},
}


@pytest.mark.parametrize("source", ANOTHER_SOURCE)
async def test_what_was_stored_for_another_source_is_not_used(
    profile: Profile, application: Application, source: str
) -> None:
    await (await client_of(profile)).get(OPTIONS)
    profile.requests()
    application.faults.set(Fault(path="*", status=500))
    other = profile.visit(replace(profile.config, **ANOTHER_SOURCE[source](profile)))

    with pytest.raises(HttpError):
        await (await other.settings()).client.get(OPTIONS)
    assert profile.requests() != []
    # Its own page still has it.
    profile.requests()
    assert len(await (await client_of(profile)).get(OPTIONS)) == 2
    assert profile.requests() == []


async def test_unverified_settings_are_not_used_by_a_page_that_verifies(
    profile: Profile, application: Application
) -> None:
    application.collections["main", OPTIONS].sign(None)
    careless = profile.visit(replace(profile.config, verify_signatures=False))
    assert len(await (await careless.settings()).client.get(OPTIONS)) == 2

    with pytest.raises(SignatureError):
        await (await client_of(profile)).get(OPTIONS)


async def test_rows_are_firefoxs_and_nothing_else_but_our_notes(profile: Profile, application: Application) -> None:
    await (await client_of(profile)).get(OPTIONS)
    state = application.collections["main", OPTIONS].state
    rows = profile.databases.contents()["remote-settings"]

    assert rows["records"] == [{**record, "_cid": CID} for record in sorted(as_published(application), key=by_id)]
    assert rows["timestamps"] == [{"cid": CID, "value": state.timestamp}]
    (collection,) = rows["collections"]
    assert {name for name in collection if not name.startswith("modelden")} == {"cid", "metadata"}
    assert collection["metadata"]["signature"]["signature"] == state.signature


def by_id(record: Record) -> str:
    return str(record["id"])


async def test_the_poll_finds_what_changed_in_one_request_and_tells_other_tabs(
    profile: Profile, application: Application
) -> None:
    events: list[SyncEvent] = []
    listeners = SyncListeners()
    listeners.add(CID, events.append)
    polling, listening = profile.visit(), profile.visit(listeners=listeners)
    await (await listening.settings()).client.get(OPTIONS)
    service = await polling.settings()
    await service.client.get("ml-onnx-runtime")
    timestamp = application.collections["main", OPTIONS].update("options", dtype="fp32")
    profile.requests()
    (event,) = await service.poll()

    assert event.collection == CID
    assert profile.requests()[0] == "GET /v1/buckets/monitor/collections/changes/changeset?_expected=0"
    assert [new["dtype"] for _, new in event.updated] == ["fp32"]
    assert [each.updated for each in events] == [event.updated]
    assert [record["last_modified"] for record in event.current if record["id"] == "options"] == [timestamp]
    assert await service.poll() == []


async def test_one_bad_collection_does_not_keep_others_from_the_poll(
    profile: Profile, application: Application
) -> None:
    service = await profile.visit().settings()
    for name in RECORDS:
        await service.client.get(name)
    application.collections["main", OPTIONS].replace([{"id": "evil"}], sign=False)
    application.collections["main", "ml-onnx-runtime"].update("runtime", version="5.1")

    with pytest.raises(SignatureError, match=OPTIONS):
        await service.poll()
    (runtime,) = await service.client.get("ml-onnx-runtime")
    assert runtime["version"] == "5.1"
    assert ids(await service.client.get(OPTIONS)) == {"options", "summaries"}


def test_all_of_these_are_one_kind_of_error() -> None:
    assert all(issubclass(error, ModelDenError) for _, error, _ in UNUSABLE.values())


async def test_a_clock_that_was_ahead_keeps_no_update_away(profile: Profile, application: Application) -> None:
    profile.clock.advance(hours=24 * 30)
    client = await client_of(profile)
    await client.get(OPTIONS)
    profile.clock.advance(hours=-24 * 30)
    application.collections["main", OPTIONS].delete("summaries")

    assert ids(await client.get(OPTIONS)) == {"options"}
    profile.requests()
    assert ids(await client.get(OPTIONS)) == {"options"}
    assert profile.requests() == []


async def test_the_record_by_which_a_collection_names_itself_is_shown_to_nobody(
    profile: Profile, application: Application
) -> None:
    collection = application.collections["main", OPTIONS]
    collection.publish(identity_record("main", OPTIONS, [OPTIONS, "other"]))
    client = await client_of(profile)

    assert ids(await client.get(OPTIONS)) == {"options", "summaries"}
    assert profile.expressions.asked == []
    assert await client.listed_collections() == frozenset({OPTIONS, "other"})
    collection.publish(identity_record("main", OPTIONS, [OPTIONS]))
    assert not await client.sync(OPTIONS)
    assert await client.listed_collections() == frozenset({OPTIONS})


async def test_the_newest_list_of_collections_counts(profile: Profile, application: Application) -> None:
    client = await client_of(profile)
    await client.get(OPTIONS)
    assert await client.listed_collections() is None
    for number, name in enumerate((OPTIONS, "ml-onnx-runtime")):
        application.collections["main", name].publish(identity_record("main", name, [name, f"list {number}"]))
        await client.get(name, force_sync=True)

    assert await client.listed_collections() == frozenset({"ml-onnx-runtime", "list 1"})


@pytest.mark.parametrize("names", [None, "ml-model-manifests", [1], {}], ids=repr)
async def test_a_list_of_collections_that_is_none_says_nothing(
    profile: Profile, application: Application, names: Any
) -> None:
    record = {**identity_record("main", OPTIONS, []), "collections": names}
    application.collections["main", OPTIONS].publish(record)
    client = await client_of(profile)
    await client.get(OPTIONS)

    assert await client.listed_collections() is None


async def test_a_long_pause_is_believed_when_the_answer_verified(profile: Profile, application: Application) -> None:
    client = await client_of(profile)
    await client.get(OPTIONS)
    application.collections["main", OPTIONS].publish({"id": "new"})
    headers = {"backoff": str(86_400)}
    profile.fetcher = cast("Any", HeaderFetcher(profile.fetcher, "/buckets/main/", headers))
    client = await client_of(profile)
    await client.sync(OPTIONS)
    profile.clock.advance(hours=23)

    with pytest.raises(ServerBusy):
        await client.sync(OPTIONS)
    profile.clock.advance(hours=1)
    await client.sync(OPTIONS)


async def test_a_long_pause_is_not_believed_when_nothing_verified(profile: Profile) -> None:
    await (await client_of(profile)).get(OPTIONS)
    headers = {"backoff": str(86_400)}
    profile.fetcher = cast("Any", HeaderFetcher(profile.fetcher, "/buckets/monitor/", headers))
    await (await client_of(profile)).sync(OPTIONS)
    profile.clock.advance(hours=1)

    await (await client_of(profile)).sync(OPTIONS)


class WishfulResponse:
    """A response with more headers."""

    def __init__(self, response: Any, headers: dict[str, str]) -> None:
        self._response = response
        self.headers = {**response.headers, **headers}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)


class HeaderFetcher:
    """A fetcher whose responses from some paths have more headers."""

    def __init__(self, fetcher: Any, path: str, headers: dict[str, str]) -> None:
        self._fetcher = fetcher
        self._path = path
        self._headers = headers

    @asynccontextmanager
    async def fetch(self, url: str, **options: Any) -> AsyncIterator[Any]:
        async with self._fetcher.fetch(url, **options) as response:
            yield WishfulResponse(response, self._headers) if self._path in url else response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fetcher, name)
