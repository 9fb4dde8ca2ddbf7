"""From a request to a running engine, over the real server's application and a scripted worker."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelden.core.events import Event, ProgressEvent
from modelden.engine.options import PipelineOptions
from modelden.errors import (
    EngineClosed,
    EngineError,
    FileNotFoundOnHub,
    ForbiddenURL,
    HttpError,
    InputError,
    IntegrityError,
    InvalidRecord,
    ModelDenError,
    NetworkError,
    NoRuntime,
    QuotaExceeded,
    RuntimeMismatch,
    SignatureError,
    UnknownTask,
)
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.records import key_of
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN, TIMESTAMP, WASM


def asked_for(**options: Any) -> PipelineOptions:
    return PipelineOptions.of(options, own_features=True)


EMBED = asked_for(feature_id="simple-text-embedder")

SETTINGS = "/v1/buckets/main/collections/{}/changeset"
OPTIONS, RUNTIMES, LISTS = "ml-inference-options", "ml-onnx-runtime", "ml-model-allow-deny-list"
ATTACHMENT = "/attachments/main-workspace/ml-onnx-runtime/runtime.wasm"


def monitor(name: str) -> str:
    return f"GET /v1/buckets/monitor/collections/changes/changeset?collection={name}&bucket=main&_expected=0"


def changeset(name: str) -> str:
    return f"GET {SETTINGS.format(name)}?_expected={TIMESTAMP}"


def download(file: str, revision: str = "v1.0") -> str:
    return f"GET /hub/org/tiny/{revision}/{file}?download=true"


async def test_a_cold_visit_asks_for_everything_in_firefoxs_order(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    requests = profile.requests()
    chains = [request for request in requests if "/chains/" in request]

    assert len(chains) == 1
    assert requests[:9] == [
        "GET /v1/",
        monitor(OPTIONS),
        changeset(OPTIONS),
        chains[0],
        monitor(RUNTIMES),
        changeset(RUNTIMES),
        f"GET {ATTACHMENT}",
        monitor(LISTS),
        changeset(LISTS),
    ]
    assert sorted(requests[9:]) == sorted(download(file) for file in FILES)


async def test_a_warm_visit_asks_for_nothing(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    profile.requests()
    await profile.visit().create_engine(EMBED)

    assert profile.requests() == []
    assert profile.engines.workers[1].received == FILES


def url(file: str) -> str:
    return f"{ORIGIN}/hub/org/tiny/v1.0/{file}"


async def test_a_warm_visits_worker_gets_the_files_of_the_last_one_before_it_asks(profile: Profile) -> None:
    events: list[ProgressEvent] = []
    await profile.visit().create_engine(EMBED)
    profile.clock.milliseconds += 1000
    await profile.visit().create_engine(EMBED, events.append)

    first, second = profile.engines.workers
    assert dict(first.preloaded) == {}
    assert {file: await blob.read() for file, blob in second.preloaded.items()} == {
        url(file): content for file, content in FILES.items()
    }
    file_names = [event.metadata["file"] for event in events if event.type == "loading_from_cache"]
    assert sorted(file_names) == sorted([*FILES, *FILES])  # begun and done, once
    used = [row["headers"]["lastUsed"] for row in profile.databases["modelFiles"].contents()["headers"]]
    assert used == [profile.clock.milliseconds] * len(FILES)


async def test_of_the_last_visits_files_one_that_went_is_asked_for_and_fetched(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    hub = await profile.visit().hub()
    await hub.store.delete_files([hub.key(ModelFile("org/tiny", "v1.0", "config.json"))])
    profile.requests()
    await profile.visit().create_engine(EMBED)

    assert url("config.json") not in profile.engines.workers[1].preloaded
    assert profile.engines.workers[1].received == FILES
    assert profile.requests() == [download("config.json")]


async def test_files_are_not_handed_out_that_the_lists_came_to_deny(profile: Profile, application: Application) -> None:
    await profile.visit().create_engine(EMBED)
    records(LISTS, {"id": "deny", "filter": "DENY", "urlPrefix": f"{ORIGIN}/hub/org/"})(application)
    profile.clock.advance(hours=24)
    with pytest.raises(ForbiddenURL):
        await profile.visit().create_engine(EMBED)

    assert dict(profile.engines.workers[1].preloaded) == {}
    assert await (await profile.visit().hub()).store.list_models() == []


async def test_a_warm_visit_to_a_branch_asks_for_tags_only(profile: Profile) -> None:
    request = asked_for(task_name="summarization")
    await profile.visit().create_engine(request)
    profile.requests()
    await profile.visit().create_engine(request)
    assert dict(profile.engines.workers[1].preloaded) == {}  # whether they are current is not known yet

    expected = [download(file, "main").replace("GET", "HEAD") for file in FILES]
    assert sorted(profile.requests()) == sorted(expected)


async def test_the_worker_gets_options_runtime_and_files(profile: Profile) -> None:
    engine = await profile.visit().create_engine(EMBED)
    (worker,) = profile.engines.workers

    assert (worker.bundle, worker.glue) == ("engine-5.js", "runtime.mjs")
    assert worker.created == {
        "task": "feature-extraction",
        "modelId": "org/tiny",
        "modelRevision": "v1.0",
        "hubRootUrl": f"{ORIGIN}/hub",
        "hubUrlTemplate": "{model}/{revision}",
        "dtype": "q8",
        "device": "wasm",
        "numThreads": 0,
        "logSeverity": 3,
        "useExternalDataFormat": None,
    }
    assert worker.wasm == WASM
    assert worker.received == FILES
    assert (engine.engine_id, engine.task_name) == ("simple-text-embedder-engine", "feature-extraction")
    assert (engine.model_id, engine.model_revision) == ("org/tiny", "v1.0")
    assert "simple-text-embedder-engine: feature-extraction with org/tiny v1.0" in repr(engine)


async def test_a_file_that_is_not_needed_may_be_missing(profile: Profile) -> None:
    profile.engines.optional = ["generation_config.json"]
    await profile.visit().create_engine(EMBED)

    assert profile.engines.workers[0].received == FILES
    assert download("generation_config.json") in profile.requests()


async def test_the_caller_may_choose_otherwise(profile: Profile) -> None:
    request = asked_for(task_name="feature-extraction", model_id="org/tiny", model_revision="main", dtype="fp32")
    engine = await profile.visit().create_engine(request)

    assert (engine.engine_id, engine.model_revision) == ("default-engine", "main")
    assert profile.engines.workers[0].created["dtype"] == "fp32"


async def test_weights_beside_the_model_are_asked_for(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED.updated({"use_external_data_format": 2}))

    assert profile.engines.workers[0].created["useExternalDataFormat"] == 2


async def test_every_step_is_reported_in_its_order(profile: Profile) -> None:
    events: list[ProgressEvent] = []
    await profile.visit().create_engine(EMBED, events.append)
    steps = [(event.type, event.status_text, event.id) for event in events if event.type != "downloading"]
    engine = "simple-text-embedder-engine"
    location = "main-workspace/ml-onnx-runtime/runtime.wasm"

    assert [step for step in steps if step[1] != "in_progress"] == [
        ("syncing_settings", "initiate", OPTIONS),
        ("syncing_settings", "done", OPTIONS),
        ("choosing_options", "initiate", engine),
        ("choosing_options", "done", engine),
        ("syncing_settings", "initiate", RUNTIMES),
        ("syncing_settings", "done", RUNTIMES),
        ("loading_runtime", "initiate", location),
        ("loading_runtime", "size_estimate", location),
        ("loading_runtime", "done", location),
        ("syncing_settings", "initiate", LISTS),
        ("syncing_settings", "done", LISTS),
        ("starting_engine", "initiate", engine),
        ("starting_engine", "done", engine),
    ]
    assert all(event.ok for event in events)
    chosen = next(event.metadata for event in events if event.type == "choosing_options")
    assert chosen == {
        "engine_id": engine,
        "task_name": "feature-extraction",
        "model_id": "org/tiny",
        "model_revision": "v1.0",
        "dtype": "q8",
    }


async def test_an_engine_runs_until_it_is_closed(profile: Profile) -> None:
    async with await profile.visit().create_engine(EMBED) as engine:
        assert await engine.run(["a cat"], pooling="mean") == {"args": [["a cat"]], "options": {"pooling": "mean"}}
    await engine.close()

    assert profile.engines.workers[0].closed
    assert "closed" in repr(engine)
    with pytest.raises(EngineClosed, match=r"create_engine\(\)"):
        await engine.run("a dog")


async def test_two_engines_side_by_side_share_every_download(profile: Profile) -> None:
    context = profile.visit()
    requests = [asked_for(feature_id="simple-text-embedder", engine_id=name) for name in ("one", "two")]
    await asyncio.gather(*(context.create_engine(request) for request in requests))
    asked = profile.requests()

    assert len(asked) == len(set(asked))
    files = await (await context.hub()).store.list_files("localhost/org/tiny", "v1.0")
    assert {file.engine_ids for file in files} <= {("one", "two"), ("two", "one")}


async def test_a_new_revision_in_settings_reaches_the_user(
    profile: Profile, application: Application, tree: Path
) -> None:
    await profile.visit().create_engine(EMBED)
    new = tree / "hub/org/tiny/v2.0"
    for name in FILES:
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_bytes(FILES[name] + b" ")
    application.collections["main", OPTIONS].update("options", modelRevision="v2.0")
    profile.clock.advance(hours=24)
    profile.requests()
    engine = await profile.visit().create_engine(EMBED)

    assert engine.model_revision == "v2.0"
    assert profile.engines.workers[1].received["config.json"] == FILES["config.json"] + b" "
    assert [request for request in profile.requests() if "/attachments/" in request] == []


def fault(**rule: Any) -> Callable[[Application], None]:
    return lambda application: application.faults.set(Fault(**rule))


def records(name: str, *published: dict[str, Any]) -> Callable[[Application], None]:
    return lambda application: _replace(application, name, list(published))


def _replace(application: Application, name: str, published: list[dict[str, Any]], *, sign: bool = True) -> None:
    application.collections["main", name].replace(published, sign=sign)


def update(name: str, identifier: str, **fields: Any) -> Callable[[Application], None]:
    def change(application: Application) -> None:
        application.collections["main", name].update(identifier, **fields)

    return change


ANOTHER_BUILD = {
    "location": "main-workspace/ml-onnx-runtime/other.wasm",
    "size": 4,
    "hash": hashlib.sha256(b"\0asm").hexdigest(),
}

FAILURES: dict[str, tuple[Callable[[Application], None], type[ModelDenError], str]] = {
    "settings down": (fault(path="/v1/*", drop_cors=True), NetworkError, f"{ORIGIN}/v1/"),
    "settings ill": (fault(path="/v1/*", status=503), HttpError, "answered 503"),
    "settings forged": (lambda app: _replace(app, OPTIONS, [{"id": "evil"}], sign=False), SignatureError, OPTIONS),
    "runtimes forged": (lambda app: _replace(app, RUNTIMES, [{"id": "evil"}], sign=False), SignatureError, RUNTIMES),
    "lists forged": (lambda app: _replace(app, LISTS, [{"id": "evil"}], sign=False), SignatureError, LISTS),
    "no runtime": (records(RUNTIMES), NoRuntime, "runtime.wasm of version 5"),
    "a runtime of another major": (update(RUNTIMES, "runtime", version="6.0"), NoRuntime, "of version 5"),
    "a runtime of another build": (update(RUNTIMES, "runtime", attachment=ANOTHER_BUILD), RuntimeMismatch, "hang"),
    "a runtime that is missing": (fault(path="/attachments/*", status=404), HttpError, ATTACHMENT),
    "a runtime that is damaged": (fault(path="/attachments/*", body="x" * len(WASM)), IntegrityError, "SHA-256"),
    "a record that cannot be used": (update(OPTIONS, "options", dtype="q9"), InvalidRecord, "The record options"),
    "a denied hub": (
        records(LISTS, {"id": "deny", "filter": "DENY", "urlPrefix": "http://localhost/"}),
        ForbiddenURL,
        "the deny list has 'http://localhost/'",
    ),
    "a model that is not there": (update(OPTIONS, "options", modelRevision="v9"), FileNotFoundOnHub, "revision v9"),
    "a file that is not there": (fault(path="/hub/*.onnx", status=404), FileNotFoundOnHub, "onnx/model_quantized.onnx"),
    "a hub that is ill": (fault(path="/hub/*", status=500), HttpError, "answered 500"),
    "a hub without CORS": (fault(path="/hub/*", drop_cors=True), NetworkError, f"{ORIGIN}/hub/"),
}


def in_order(application: Application, published: dict[str, list[dict[str, Any]]]) -> None:
    application.faults.set()
    for name, live in published.items():
        application.collections["main", name].replace(live)


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failure_has_its_class_and_words_and_ends_the_worker(
    profile: Profile, application: Application, failure: str
) -> None:
    break_it, error, words = FAILURES[failure]
    honest = {
        name: list(application.collections["main", name].state.records.values()) for name in (OPTIONS, RUNTIMES, LISTS)
    }
    break_it(application)
    events: list[ProgressEvent] = []

    with pytest.raises(ModelDenError) as caught:
        await profile.visit().create_engine(EMBED, events.append)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert all(worker.closed for worker in profile.engines.workers)
    assert len([event for event in events if event.status_text == "initiate"]) == len(
        [event for event in events if event.status_text == "done"]
    )
    half_made(profile)

    # The cause is gone; what was synced well stays for a day.
    in_order(application, honest)
    profile.clock.advance(hours=24)
    engine = await profile.visit().create_engine(EMBED)
    assert engine.model_revision == "v1.0"
    assert profile.engines.workers[-1].received == FILES
    assert not profile.engines.workers[-1].closed


def half_made(profile: Profile) -> None:
    """Every file has its bytes, its headers, its task and its engine; every attachment is whole."""
    kept = profile.databases.contents()
    stores = kept.get("modelFiles", {})
    keys = {name: {key_of(row).id for row in stores.get(name, [])} for name in ("headers", "tasks", "engines")}
    assert keys["headers"] == keys["tasks"] == keys["engines"]
    assert {row["id"] for row in stores.get("files", [])} == keys["headers"]
    for row in kept.get("remote-settings", {}).get("attachments", []):
        assert row["attachment"]["blob"].size == row["attachment"]["record"]["attachment"]["size"]


@pytest.mark.parametrize("database", ["remote-settings", "modelFiles"])
async def test_a_full_disk_ends_in_words_and_the_next_visit_works(profile: Profile, database: str) -> None:
    await profile.fill(database)
    with pytest.raises(QuotaExceeded):
        await profile.visit().create_engine(EMBED)
    assert all(worker.closed for worker in profile.engines.workers)
    half_made(profile)

    await profile.fill(database, full=False)
    await profile.visit().create_engine(EMBED)
    assert profile.engines.workers[-1].received == FILES


async def test_a_request_that_cannot_be_used_asks_nobody(profile: Profile) -> None:
    with pytest.raises(InputError):
        await profile.visit().create_engine(asked_for())
    with pytest.raises(UnknownTask):
        await profile.visit().create_engine(asked_for(task_name="mind-reading"))

    assert profile.requests() == []
    assert profile.engines.workers == []


async def test_a_feature_that_settings_do_not_know_starts_no_worker(profile: Profile) -> None:
    with pytest.raises(InputError, match="no options for the feature 'unknown'"):
        await profile.visit().create_engine(asked_for(feature_id="unknown"))

    assert profile.engines.workers == []


async def test_an_engine_that_fails_by_itself_fails_as_itself(profile: Profile) -> None:
    profile.engines.files = ["../../../secret"]
    with pytest.raises(ModelDenError) as caught:
        await profile.visit().create_engine(EMBED)

    # The worker asked for what is no file of the hub.
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value.__cause__, EngineError)
    assert profile.engines.workers[0].closed


async def test_a_cancelled_creation_ends_the_worker(profile: Profile, application: Application) -> None:
    application.faults.set(Fault(path="/hub/*", delay_ms=3_600_000))
    events: asyncio.Queue[ProgressEvent] = asyncio.Queue()
    creating = asyncio.ensure_future(profile.visit().create_engine(EMBED, events.put_nowait))
    while (await events.get()).type != "downloading":
        pass
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating

    assert profile.engines.workers[0].closed
    half_made(profile)
    application.faults.set()
    await profile.visit().create_engine(EMBED)


async def test_another_hub_has_files_of_its_own(profile: Profile, application: Application) -> None:
    """The host is part of the key, the port is not, as in Firefox."""
    await profile.visit().create_engine(EMBED)
    models = await (await profile.visit().hub()).store.list_models()

    assert [(model.name, model.revision) for model in models] == [("localhost/org/tiny", "v1.0")]
    assert application.root_hash == profile.config.root_hash


@pytest.mark.parametrize(("level", "severity"), [("All", 0), ("Debug", 0), ("Warn", 2), ("Critical", 4)])
async def test_the_log_level_is_onnxruntimes(profile: Profile, level: str, severity: int) -> None:
    await profile.visit().create_engine(EMBED.updated({"log_level": level}))

    assert profile.engines.workers[0].created["logSeverity"] == severity


async def test_forged_settings_of_a_live_engine_are_an_error_event(profile: Profile, application: Application) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    events: list[Event] = []
    profile.events.on("error", events.append)
    _replace(application, OPTIONS, [{"id": "evil"}], sign=False)
    profile.clock.advance(hours=25)

    assert await context.create_engine(EMBED) is engine
    assert [(event.name, event.engine_id, event.detail["while"]) for event in events] == [
        ("SignatureError", None, "update")
    ]
    assert (await engine.run("a"))["args"] == ["a"]
