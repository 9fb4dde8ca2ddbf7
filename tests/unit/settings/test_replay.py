"""Every step of Firefox's ``rs_*`` recordings, on the same servers: same requests, same results, same rows.

Where ours is otherwise, `DIFFERENCES` says what it is and why; the same table is in ``docs/firefox-parity.md``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelden.config import Configuration
from modelden.engine import model_selection, runtime_selection
from modelden.engine.options import PipelineOptions
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError
from modelden.ports import Put
from modelden.settings.changeset import SyncEvent
from modelden.settings.listeners import SyncListeners
from modelden.settings.service import SettingsService
from tests.replay import ReplayServer, load_truth
from tests.simulators.blobs import MemoryBlob
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import PageFetcher
from tests.simulators.profile import Profile

type Json = dict[str, Any]

RECORDINGS = (
    "runtime_records",
    "rs_inference_options",
    "rs_server_down",
    "rs_signature_required",
    "rs_sync_update",
    "rs_wasm_bad_names",
    "rs_wasm_hash_mismatch",
    "rs_wasm_max_version",
    "rs_wasm_size_mismatch",
)
WASM = "ort-wasm-simd-threaded.jsep.wasm"
BUNDLE = Bundle(5, "engine-5.js", WASM, "glue.mjs", "0" * 64, onnxruntime="1.22.0-dev", transformers="3.8.1")
OPTIONS = "ml-inference-options"
MONITOR = f"/v1/buckets/monitor/collections/changes/changeset?collection={OPTIONS}&bucket=main&_expected=0"
CHANGESET = f"/v1/buckets/main/collections/{OPTIONS}/changeset?_expected=2000"


@dataclass(frozen=True)
class Ours:
    """The fields of a step that differ here."""

    why: str
    requests: list[str] | None = None
    outcome: Any = None
    timestamps: Json | None = None


_RAISED = "a cold read that fails raises its error: defaults would hide a broken or forged server"
_TRIES = "attachments are tried three times, as by Firefox's Downloader; nothing bad stays on disk to be fetched again"
_TASK = "a task that no engine knows is refused before"
_ONNX = "only onnx runs here"
_NAMES = "names and versions of records are no paths here: attachments are rows of a database"
_CHOICE = "the runtime is chosen again after a sync, not once per process"
_BYTES = "/attachments/main-workspace/ml-onnx-runtime/1.wasm"
_COLD_WASM = [
    "/v1/",
    MONITOR.replace(OPTIONS, runtime_selection.COLLECTION),
    CHANGESET.replace(OPTIONS, runtime_selection.COLLECTION),
]

_MAYBE_SYNC = "there is no maybeSync with a timestamp: a sync asks for it"


def _sync_requests(collection: str, since: int) -> list[str]:
    changeset = f"/v1/buckets/main/collections/{collection}/changeset?_expected={since + 1000}&_since={since}"
    return [MONITOR.replace(OPTIONS, collection), changeset]


DIFFERENCES: dict[tuple[str, int], Ours] = {
    **{("rs_inference_options", step): Ours(_TASK, outcome="UnknownTask") for step in (7, 14, 20)},
    ("rs_inference_options", 19): Ours("neither task nor feature is refused before", outcome="InputError"),
    **{("rs_server_down", step): Ours(_RAISED, outcome="NetworkError") for step in (1, 2, 3)},
    **{("rs_server_down", step): Ours(_RAISED, outcome="HttpError") for step in (4, 5)},
    ("rs_signature_required", 1): Ours(_RAISED, ["/v1/", MONITOR, CHANGESET, CHANGESET], "SignatureError"),
    ("rs_signature_required", 2): Ours(_RAISED, [MONITOR, CHANGESET, CHANGESET], "SignatureError"),
    ("rs_signature_required", 3): Ours(_RAISED, outcome="SignatureError"),
    ("rs_sync_update", 9): Ours(
        _CHOICE,
        ["/attachments/main-workspace/ml-onnx-runtime/1b.wasm"],
        {"size": 8, "sha256": "1026c28db884634d1331baf924a900d32341812ce1e9ef57140853fed2119ec8"},
    ),
    ("rs_sync_update", 12): Ours(_CHOICE, []),
    ("rs_sync_update", 13): Ours(
        "the poll asks for the whole list, once a day: what a stale answer hid is found by the next one",
        ["/v1/buckets/monitor/collections/changes/changeset?_expected=0"],
    ),
    ("rs_sync_update", 20): Ours(
        "a state older than the stored one is not taken, not even its timestamp", timestamps={f"main/{OPTIONS}": 4000}
    ),
    **{
        ("runtime_records", step): Ours(_MAYBE_SYNC, _sync_requests(runtime_selection.COLLECTION, since))
        for step, since in ((4, 2000), (8, 3000), (12, 4000), (16, 5000))
    },
    ("runtime_records", 19): Ours(_TRIES, ["/attachments/main-workspace/ml-onnx-runtime/2.wasm"] * 3),
    ("rs_wasm_bad_names", 1): Ours(
        _NAMES,
        [*_COLD_WASM, _BYTES],
        {"size": 8, "sha256": "2b27b184c9fdc620cd9d6bf6a37e386c72eb60e223719ff60e893d8fb9abcfd3"},
    ),
    ("rs_wasm_bad_names", 2): Ours(_MAYBE_SYNC, _sync_requests(runtime_selection.COLLECTION, 2000)),
    ("rs_wasm_bad_names", 5): Ours(f"{_NAMES}; {_TRIES}", [_BYTES] * 3, "IntegrityError"),
    ("rs_wasm_hash_mismatch", 1): Ours(_TRIES, [*_COLD_WASM, _BYTES, _BYTES, _BYTES]),
    ("rs_wasm_hash_mismatch", 2): Ours(_TRIES, [_BYTES] * 3),
    ("rs_wasm_max_version", 3): Ours(_ONNX, [], "not here"),
    ("rs_wasm_max_version", 7): Ours(_ONNX, outcome="not here"),
    ("rs_wasm_size_mismatch", 1): Ours(_TRIES, [*_COLD_WASM, _BYTES, _BYTES, _BYTES]),
    ("rs_wasm_size_mismatch", 2): Ours(_TRIES, [_BYTES] * 3),
}

SAME_ERRORS = {
    "Found more than one inference options record": "InvalidRecord",
    "Unable to get the ML engine from Remote Settings.": "NoRuntime",
    "Hash check failed for url": "IntegrityError",
}
"""Our classes by the beginning of Firefox's messages."""


class Driver:
    """Does a recorded step with modelden."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._events: list[Json] = []
        self._service: SettingsService | None = None

    async def do(self, step: Json) -> Any:
        """The outcome, in the form of `recorded`."""
        try:
            return await getattr(self, step["op"])(**step["args"])
        except ModelDenError as error:
            return type(error).__name__

    async def service(self) -> SettingsService:
        if self._service is None:
            listeners = SyncListeners()
            listeners.add(f"main/{OPTIONS}", lambda event: self._events.append(_event(event)))
            self._service = await self._profile.visit(listeners=listeners).settings()
        return self._service

    async def rsVerify(self, **_: object) -> None:  # noqa: N802  as recorded
        """Ours are signed by a key of the test's own, and always verified."""

    async def opfsWrite(self, path: str, text: str) -> None:  # noqa: ARG002, N802  the recording's name
        """Put other bytes in the place of the stored runtime's."""
        database = await self._profile.database("remote-settings")
        (row,) = await database.get_all("attachments")
        await database.commit([Put("attachments", row, {("attachment", "blob"): MemoryBlob(text.encode())})])

    async def rsWatch(self, **_: object) -> None:  # noqa: N802  the recording's name
        """Begin to collect."""
        self._events.clear()

    async def rsWatched(self) -> list[Json]:  # noqa: N802  the recording's name
        events = list(self._events)
        self._events.clear()
        return events

    async def forgetWasmRecord(self) -> None:  # noqa: N802  the recording's name
        """There is nothing to forget: the record is chosen each time."""

    async def getInferenceOptions(self, featureId: str | None, taskName: str | None, modelId: str | None) -> Json:  # noqa: N802, N803  the recording's name
        records = await (await self.service()).client.get(OPTIONS)
        asked = {"task_name": taskName, "feature_id": featureId or None, "model_id": modelId}
        request = PipelineOptions.of(asked, own_features=True)
        model_selection.check_request(request)
        record = model_selection.find_record(records, request) or {}
        return {name: record[name] for name in ("modelId", "modelRevision", "dtype", "numThreads") if record.get(name)}

    async def getAllowDenyList(self) -> list[Json]:  # noqa: N802  the recording's name
        return await (await self.service()).client.get("ml-model-allow-deny-list")

    async def getWasmArrayBuffer(self, backend: str = "onnx") -> Json | str:  # noqa: N802  the recording's name
        if backend != "onnx":
            return "not here"
        service = await self.service()
        record = runtime_selection.choose(await service.client.get(runtime_selection.COLLECTION), [BUNDLE]).record
        cid = f"main/{runtime_selection.COLLECTION}"
        await service.attachments.get(cid, record)
        await service.attachments.delete_if_damaged(cid, record)  # as a load does that fails
        data = await (await service.attachments.get(cid, record)).read()
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    async def rsPoll(self) -> None:  # noqa: N802  the recording's name
        await (await self.service()).poll()

    async def rsSync(self, cid: str) -> None:  # noqa: N802  the recording's name
        await (await self.service()).client.sync(cid)

    async def rsMaybeSync(self, cid: str, ts: int) -> None:  # noqa: ARG002, N802  the recording's name
        await (await self.service()).client.sync(cid)

    async def rsGet(self, cid: str, options: Json) -> list[Json]:  # noqa: N802  the recording's name
        filters, force = options.get("filters"), options.get("forceSync", False)
        return await (await self.service()).client.get(cid, filters=filters, force_sync=force)


def _event(event: SyncEvent) -> Json:
    return {
        "cid": event.collection.partition("/")[2],
        "created": list(event.created),
        "updated": [{"old": old, "new": new} for old, new in event.updated],
        "deleted": list(event.deleted),
        "current": list(event.current),
    }


def recorded(step: Json) -> Any:
    """The outcome of a recorded step, as far as it can be the same here."""
    outcome = step["outcome"]
    if "threw" in outcome:
        message: str = outcome["threw"]["message"]
        return next((ours for theirs, ours in SAME_ERRORS.items() if message.startswith(theirs)), message)
    value = outcome["returned"]
    if value == {"$js": "undefined"}:
        return None
    if isinstance(value, dict) and "$ArrayBuffer" in value:
        return value["$ArrayBuffer"]
    if step["op"] == "getInferenceOptions":
        wanted = ("modelId", "modelRevision", "dtype", "numThreads")
        return {name: value[name] for name in wanted if name in value and value[name] != {"$js": "undefined"}}
    return value


def recorded_requests(step: Json) -> list[str]:
    """Firefox's requests, without its start-up bundle."""
    return [each["path"] for each in step["http"] if not each["path"].endswith("startup.json.mozlz4")]


def recorded_timestamps(step: Json) -> Json | None:
    """Of the stored collections, if the step has them."""
    stored = step.get("storage")
    if not isinstance(stored, dict) or not isinstance(stored.get("remoteSettingsDB"), dict):
        return None
    rows = stored["remoteSettingsDB"]["stores"]["timestamps"]["records"]
    return {row["key"]: row["value"]["value"] for row in rows}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recording(name: str) -> None:
    truth = load_truth(name)
    with ReplayServer(truth, signed=name != "rs_signature_required") as server:
        config = Configuration(settings_server=server.settings_url, root_hash=server.root_hash)
        profile = Profile(config, PageFetcher(), BUNDLE, ScriptedEngines([]))
        profile.expressions.verdicts.update(
            {"1 == 1": True, "1 == 2": False, "env.version|versionCompare('100.0') > 0": True}
        )
        driver = Driver(profile)
        for index, step in enumerate(truth["steps"]):
            server.apply(step)
            outcome = await driver.do(step)
            requests = [each["path"] for each in server.log() if not each["path"].startswith("/chains/")]
            theirs, ours = (recorded_requests(step), recorded(step)), DIFFERENCES.get((name, index), Ours(""))
            expected = (
                theirs[0] if ours.requests is None else ours.requests,
                theirs[1] if ours.outcome is None else ours.outcome,
            )
            assert (requests, outcome) == expected, f"step {index}, {step['op']}"
            if (timestamps := recorded_timestamps(step)) is not None:
                rows = (await profile.database("remote-settings")).contents().get("timestamps", [])
                stored = {row["cid"]: row["value"] for row in rows}
                assert stored == {**timestamps, **(ours.timestamps or {})}, f"step {index}, {step['op']}"
        await profile.close()


def test_each_difference_is_one() -> None:
    for (name, index), ours in DIFFERENCES.items():
        step = load_truth(name)["steps"][index]
        assert ours.requests != recorded_requests(step)
        assert ours.outcome != recorded(step) or ours.outcome is None
        assert any(each is not None for each in (ours.requests, ours.outcome, ours.timestamps))


def test_the_table_in_the_documentation_has_these_numbers() -> None:
    text = (Path(__file__).parents[3] / "docs/firefox-parity.md").read_text(encoding="utf-8")
    for name in RECORDINGS:
        steps = len(load_truth(name)["steps"])
        different = sum(name == recording for recording, _ in DIFFERENCES)
        assert f"| `{name}` | {steps} | {steps - different} |" in text
