"""Requests, rows and events of a recorded Firefox, against the same servers; intended differences are named here.

Ours: collections are signed, so the chain is fetched once; no start-up bundle; the bytes are in IndexedDB.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import pytest

from modelden.config import Configuration
from modelden.context import Context
from modelden.core.events import ProgressEvent
from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.engine.runtime_selection import Bundle
from modelden.errors import FileNotFoundOnHub, ForbiddenURL, ModelDenError, SignatureError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.records import key_of
from modelden.hub.store.usage import Consumer
from tests.replay import ReplayServer, load_truth
from tests.replay_hub import RUNTIMES
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import PATIENCE, PageFetcher
from tests.simulators.profile import Profile
from tests.unit.hub_recording import firefox_row

NAME = "ort-wasm-simd-threaded.jsep.wasm"

TINY = ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model_quantized.onnx"]
"""What transformers.js asks for, and what every recorded engine got."""

EVENT = {
    "statusText": "status_text",
    "totalLoaded": "total_loaded",
    "currentLoaded": "current_loaded",
}

HUB_ROOT, SETTINGS_ROOT = "http://localhost:18432", "http://localhost:18431"


class Replayed:
    """A profile before the servers of a recording."""

    def __init__(self, server: ReplayServer, profile: Profile) -> None:
        self.server = server
        self.profile = profile
        self.events: list[ProgressEvent] = []
        self._context: Context | None = None

    async def create_engine(self, step: dict[str, Any]) -> Engine:
        """The recorded ``createEngine``."""
        request = PipelineOptions.of(step["args"]["options"])
        self.events.clear()
        return await self.context().create_engine(request, self.events.append)

    def context(self) -> Context:
        """The context of the page that is open."""
        self._context = self._context or self.profile.visit()
        return self._context

    def destroy_engines(self) -> None:
        """The recorded ``destroyEngines``: nothing in memory is known any more."""
        self._context = None

    def events_by_id(self) -> dict[str, list[dict[str, Any]]]:
        """The events of files, in the recording's names and with its address of the hub."""
        found: dict[str, list[dict[str, Any]]] = {}
        ours = {value: key for key, value in EVENT.items()}
        for event in self.events:
            if event.type in ("downloading", "loading_from_cache"):
                fields = self.as_recorded({ours.get(name, name): value for name, value in asdict(event).items()})
                found.setdefault(fields["id"], []).append(fields)
        return found

    def as_recorded(self, value: Any) -> Any:
        """The same value, with the servers' recorded addresses."""
        if isinstance(value, str):
            text = value.replace(self.server.hub_url, HUB_ROOT)
            return text.replace(self.server.settings_url.removesuffix("/v1"), SETTINGS_ROOT)
        if isinstance(value, dict):
            return {key: self.as_recorded(item) for key, item in value.items()}
        return value


@asynccontextmanager
async def replayed(name: str, *, signed: bool = True) -> AsyncIterator[tuple[Replayed, list[dict[str, Any]]]]:
    """The servers in a recording's first state, and its steps."""
    # Where a recorded config.json is "hello", Firefox keeps it; a configuration that is no object is refused here.
    truth = json.loads(json.dumps(load_truth(name)).replace('{"text": "hello"}', '{"text": "{   }"}'))
    digest = hashlib.sha256((RUNTIMES / NAME).read_bytes()).hexdigest()
    bundle = Bundle(5, "engine-5.js", NAME, "glue.mjs", digest, onnxruntime="1.22.0-dev", transformers="3.8.1")
    with ReplayServer(truth, signed=signed) as server:
        config = Configuration(
            settings_server=server.settings_url, root_hash=server.root_hash, hub_root_url=server.hub_url
        )
        profile = Profile(config, PageFetcher(patience=PATIENCE), bundle, ScriptedEngines(TINY))
        yield Replayed(server, profile), truth["steps"]
        await profile.close()


def asked(step: dict[str, Any], log: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The requests for settings of the recording and of now, without those that differ on purpose."""
    recorded = [
        f"{each['method']} {each['path']} {each['status']}"
        for each in step["http"]
        if each["server"] == "rs" and not each["path"].endswith("startup.json.mozlz4")
    ]
    now = [
        f"{each['method']} {each['path']} {each['status']}"
        for each in log
        if each["server"] == "rs" and not each["path"].startswith("/chains/")
    ]
    return now, recorded


def files_asked(step: dict[str, Any], log: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The same for the hub, where files come side by side: in any order. A page has no cache in front: 200, not 304."""
    recorded = [f"{each['method']} {each['path']}" for each in step["http_hub_unordered"] if each["server"] == "hub"]
    now = [f"{each['method']} {each['path']}" for each in log if each["server"] == "hub"]
    return sorted(now), sorted(recorded)


E2E = ["e2e_pinned_feature", "e2e_feature_extraction_main"]


@pytest.mark.parametrize("name", E2E)
async def test_every_engine_of_a_recording_asks_and_tells_the_same(name: str) -> None:
    async with replayed(name) as (page, steps):
        created = 0
        engine: Engine | None = None
        for step in steps:
            page.server.apply(step)
            if step["op"] == "destroyEngines":
                page.destroy_engines()
            if step["op"] == "engineStatus":
                ((_, engine_status),) = step["outcome"]["returned"]["$Map"]
                assert engine is not None
                assert page.as_recorded(engine.options.to_dict()) == _with_slash(engine_status["options"])
            if step["op"] != "createEngine":
                continue
            before = engine
            engine = await page.create_engine(step)
            log = page.server.log()
            now, recorded = asked(step, log)
            assert now == recorded
            now, recorded = files_asked(step, log)
            assert now == recorded
            if step.get("note") == "same options: engine reused":
                assert engine is before
                continue
            assert page.events_by_id() == step["events"]["by_id"]
            assert engine.engine_id == step["outcome"]["returned"]["engineId"]
            assert len([each for each in log if each["path"].startswith("/chains/")]) == (1 if created == 0 else 0)
            created += 1
        assert created > 1


def _with_slash(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "modelHubRootUrl": options["modelHubRootUrl"].removesuffix("/")}


def recorded_rows(step: dict[str, Any], database: str) -> dict[str, list[dict[str, Any]]]:
    """Recorded rows by store. Rows that Firefox makes by mistake are left out: no host name, no headers (2)."""
    stores = step["storage"][database]["stores"]
    rows = {name: [record["value"] for record in store["records"]] for name, store in stores.items()}
    return {
        name: [row for row in found if row.get("headers") != {"$js": "undefined"}]
        for name, found in rows.items()
        if found
    }


def without_times(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Rows of ``modelFiles`` with their times as texts: those of the recordings are ``T@n``."""
    for row in rows.get("headers", []):
        for name in ("lastUpdated", "lastUsed"):
            assert row["headers"][name]
        row["headers"] = {**row["headers"], "lastUpdated": "T", "lastUsed": "T"}
    return rows


FIREFOXS = ("headers", "engines", "tasks")
"""The stores of ``modelFiles`` that Firefox has; the others are ours (`hub.schema`)."""


async def model_rows(profile: Profile) -> dict[str, list[dict[str, Any]]]:
    """Rows of Firefox's stores; each file that they name has its bytes in ours."""
    rows = (await profile.database("modelFiles")).contents()
    bodies: dict[str, bytes] = {}
    for chunk in rows["chunks"]:
        bodies[chunk["content"]] = bodies.get(chunk["content"], b"") + await chunk["data"].read()
    sizes = {row["id"]: len(bodies[row["content"]]) for row in rows["files"]}
    keys = {key_of(row).id: row["headers"] for row in rows["headers"]}
    assert sizes == {key: headers["fileSize"] for key, headers in keys.items()}
    for row in rows["files"]:
        assert row["sha256"] == hashlib.sha256(bodies[row["content"]]).hexdigest()
    return without_times({name: [firefox_row(row) for row in rows[name]] for name in FIREFOXS if name in rows})


async def test_rows_of_an_engine_are_those_of_the_recording() -> None:
    async with replayed("e2e_pinned_feature") as (page, steps):
        step = next(step for step in steps if step["op"] == "createEngine")
        page.server.apply(step)
        await page.create_engine(step)

        assert await model_rows(page.profile) == without_times(recorded_rows(step, "indexedDB"))
        kept = page.profile.databases["remote-settings"].contents()
        recorded = recorded_rows(step, "remoteSettingsDB")
        assert kept["records"] == recorded["records"]
        assert kept["timestamps"] == recorded["timestamps"]
        # The recording had no signatures; what begins with modelden is ours (`settings.store`).
        for row, theirs in zip(kept["collections"], recorded["collections"], strict=True):
            assert {key for key in row if not key.startswith("modelden")} == set(theirs)
            assert row["cid"] == theirs["cid"]
            signed = {key: value for key, value in row["metadata"].items() if not key.startswith("signature")}
            assert signed == {**theirs["metadata"], "last_modified": signed["last_modified"]}
        # Firefox keeps the attachment's bytes outside of IndexedDB.
        (attachment,) = kept["attachments"]
        assert attachment["attachment"]["record"]["name"] == NAME


def schema_of(stores: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (_path(store["keyPath"]), {index: _path(each["keyPath"]) for index, each in store["indexes"].items()})
        for name, store in stores.items()
    }


def _path(path: Any) -> Any:
    return tuple(path) if isinstance(path, list) else path


async def test_stores_keys_and_indexes_are_those_of_the_recording() -> None:
    step = load_truth("e2e_pinned_feature")["steps"][1]
    async with replayed("e2e_pinned_feature") as (page, _):
        for database, database_name in (("modelFiles", "indexedDB"), ("remote-settings", "remoteSettingsDB")):
            schema = (await page.profile.database(database)).schema
            ours = {name: (store.key_path, dict(store.indexes)) for name, store in schema.stores.items()}
            if database == "modelFiles":
                assert all(ours[name][0][-1] == "root" for name in FIREFOXS)
                ours = {name: (ours[name][0][:-1], ours[name][1]) for name in FIREFOXS}
                assert schema.version // 100 == step["storage"][database_name]["version"]
            else:
                assert schema.version == step["storage"][database_name]["version"]
            assert schema.name == step["storage"][database_name]["name"]
            assert ours == schema_of(step["storage"][database_name]["stores"])


HUB = ["hub_cold_pinned", "hub_cold_main", "hub_warm_pinned"]

LATER = {
    "engineId null": "null is no name of an engine; Firefox stores it",
    "taskName undefined on a cached file": "there is always a task; Firefox fails",
}
"""Steps that no call of ours can repeat, and why."""


@pytest.mark.parametrize("name", HUB)
async def test_files_of_a_recording_are_asked_for_stored_and_told_alike(name: str) -> None:
    async with replayed(name) as (page, steps):
        hub = await page.profile.visit().hub()
        repeated = 0
        for step in steps:
            page.server.apply(step)
            if step["op"] != "hub" or step.get("note") in LATER:
                continue
            options = step["args"]["options"]
            file = ModelFile(options["model"], options["revision"], options["file"])
            engine = options["engineId"] if isinstance(options["engineId"], str) else "default-engine"
            page.events.clear()
            on_progress = page.events.append if step["args"]["progress"] else None
            await hub.get(file, Consumer(options["taskName"], engine), AllowList((), ()), on_progress)

            requests = [f"{each['method']} {each['path']}" for each in page.server.log()]
            assert requests == [f"{each['method']} {each['path']}" for each in step["http"]]
            all_events = [event for events in page.events_by_id().values() for event in events]
            assert all_events == step.get("events", [])
            if not isinstance(step["storage"], str):
                assert await model_rows(page.profile) == without_times(recorded_rows(step, "indexedDB"))
            repeated += 1
        assert repeated > 0


async def test_a_denied_model_is_asked_for_nothing() -> None:
    """In the recording transformers.js fetched the JSON files itself, around the list (firefox-facts, 5)."""
    async with replayed("e2e_denied") as (page, steps):
        step = next(step for step in steps if step["op"] == "createEngine")
        page.server.apply(step)
        with pytest.raises(ForbiddenURL, match="the deny list has 'http://localhost/'"):
            await page.create_engine(step)

        now, recorded = asked(step, page.server.log())
        assert now == recorded
        assert [each for each in page.server.log() if each["server"] == "hub"] == []
        assert page.events_by_id() == step.get("events", {}).get("by_id", {})
        assert (await page.profile.database("modelFiles")).contents() == {}


NOT_OURS = {"modelClass", "tokenizerClass", "processorClass", "tokenizerId", "processorId"}
"""Fields of an echo that Firefox's table of tasks has; ours is in ``web/worker/firefox_tasks.ts``."""


async def test_an_echo_needs_no_file_and_is_told_the_options() -> None:
    async with replayed("e2e_test_echo") as (page, steps):
        page.profile.engines.files = []
        step = next(step for step in steps if step["op"] == "createEngine")
        page.server.apply(step)
        engine = await page.create_engine(step)

        log = page.server.log()
        now, recorded = asked(step, log)
        assert now == recorded  # not even the allow list is asked for
        assert files_asked(step, log) == ([], [])
        status = next(step for step in steps if step["op"] == "engineStatus")
        ((_, engine_status),) = status["outcome"]["returned"]["$Map"]
        assert page.as_recorded(engine.options.to_dict()) == _with_slash(engine_status["options"])

        (worker,) = page.profile.engines.workers
        config = page.as_recorded(worker.created["config"])
        output = step["outcome"]["returned"]["run"]["output"]
        # The function's source and the runtime's bytes stay where they are.
        left_out = NOT_OURS | {"pipelineFunction", "runtime", "echo"}
        assert {name: _js_text(value) for name, value in _with_slash(config).items()} == {
            name: value.removesuffix("/") for name, value in output.items() if name not in left_out
        }


def _js_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def test_a_missing_model_is_named() -> None:
    async with replayed("e2e_missing_model") as (page, steps):
        step = next(step for step in steps if step["op"] == "createEngine")
        page.server.apply(step)
        # The recorded engine gave up before it came to the weights.
        page.profile.engines.files = TINY[:3]
        with pytest.raises(FileNotFoundOnHub, match="model org/absent, revision main"):
            await page.create_engine(step)

        now, recorded = asked(step, page.server.log())
        assert now == recorded
        # In the recording transformers.js asked once more by itself, without the query (firefox-facts, 5).
        now, recorded = files_asked(step, page.server.log())
        assert now == [request for request in recorded if request.endswith("?download=true")]
        assert page.events_by_id() == step["events"]["by_id"]
        assert (await page.profile.database("modelFiles")).contents() == {}


async def test_an_unsigned_server_is_asked_twice_and_not_believed() -> None:
    async with replayed("rs_signature_required", signed=False) as (page, steps):
        client = (await page.profile.visit().settings()).client
        step = next(step for step in steps if step.get("note") == "request sequence with the retry")
        page.server.apply(step)
        with pytest.raises(SignatureError, match="expected a signature of mode p384ecdsa, found none"):
            await client.get("ml-inference-options")

        now, recorded = asked(step, page.server.log())
        # Firefox looks at the list of collections once more then, and gives default options.
        assert now == recorded[: len(now)]
        assert len([each for each in now if "/main/" in each]) == 2


async def test_a_server_that_was_down_is_asked_again() -> None:
    async with replayed("rs_server_down") as (page, steps):
        client = (await page.profile.visit().settings()).client
        results: list[str] = []
        for step in steps:
            page.server.apply(step)
            if step["op"] != "getInferenceOptions":
                continue
            try:
                records = await client.get("ml-inference-options", filters={"taskName": "summarization"})
            except ModelDenError as error:
                results.append(type(error).__name__)
            else:
                results.append(records[0]["modelId"])

        assert results == ["NetworkError", "HttpError", "HttpError", "org/sum", "org/sum"]
