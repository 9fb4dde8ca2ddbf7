"""`modelden.verify`: stored models, runtimes and settings are checked, and damaged ones are fetched again."""

from __future__ import annotations

import hashlib

import pytest

from modelden import VerifiedFile, default_context, verify
from modelden.engine.options import PipelineOptions
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.store.records import FileKey
from modelden.ports import Put
from tests.simulators.blobs import MemoryBlob
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, HUB_ROOT, WASM

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)
WEIGHTS = "onnx/model_quantized.onnx"
RUNTIME = "main-workspace/ml-onnx-runtime/runtime.wasm"


@pytest.fixture(autouse=True)
async def visited(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that has stored a model, a runtime and settings."""
    context = profile.visit()
    monkeypatch.setattr(default_context.page, "context", context)
    await (await context.create_engine(EMBED)).close()
    profile.requests()


async def faults() -> dict[tuple[str, str], VerifiedFile]:
    """The results that are not good, by kind and path."""
    return {(each.kind, each.path): each for each in await verify() if not each.ok}


async def test_all_that_a_visit_has_stored_is_good(profile: Profile) -> None:
    results = await verify()

    assert all(each.ok for each in results)
    assert {each.path for each in results if each.kind == "model"} == set(FILES)
    assert {(each.model, each.revision) for each in results if each.kind == "model"} == {("localhost/org/tiny", "v1.0")}
    assert [each.path for each in results if each.kind == "runtime"] == [RUNTIME]
    assert len([each for each in results if each.kind == "settings"]) == 3
    assert [request for request in profile.requests() if "/hub/" in request or "/attachments/" in request] == []


async def test_a_damaged_runtime_is_found_and_fetched_again(profile: Profile) -> None:
    database = await profile.database("remote-settings")
    (row,) = await database.get_all("attachments")
    other = WASM[:-1] + bytes([WASM[-1] ^ 1])
    await database.commit([Put("attachments", row, {("attachment", "blob"): MemoryBlob(other, "")})])

    found = await faults()

    assert set(found) == {("runtime", RUNTIME)}
    assert found["runtime", RUNTIME].actual == hashlib.sha256(other).hexdigest()
    assert await database.get_all("attachments") == []
    await (await profile.visit().create_engine(EMBED)).close()
    assert len([request for request in profile.requests() if "/attachments/" in request]) == 1
    assert await faults() == {}


async def test_a_damaged_model_is_found(profile: Profile) -> None:
    database = await profile.database("modelFiles")
    row = await database.get("files", FileKey("localhost/org/tiny", "v1.0", WEIGHTS, HUB_ROOT).id)
    assert row is not None
    content = {"content": row["content"], "index": "000000"}
    await database.commit([Put("chunks", content, {("data",): MemoryBlob(FILES[WEIGHTS][::-1], "")})])

    assert set(await faults()) == {("model", WEIGHTS)}
    assert await faults() == {}


async def test_changed_settings_are_found_and_synced_anew(profile: Profile) -> None:
    database = await profile.database("remote-settings")
    rows = await database.get_all("records", index="cid", key="main/ml-inference-options")
    await database.commit([Put("records", {**rows[0], "modelId": "org/evil"})])

    found = await faults()

    assert set(found) == {("settings", "main/ml-inference-options")}
    assert "cannot be trusted" in found["settings", "main/ml-inference-options"].actual
    assert await database.get("collections", "main/ml-inference-options") is None
    engine = await profile.visit().create_engine(EMBED)
    assert engine.model_id == "org/tiny"
    await engine.close()


async def test_settings_that_cannot_be_verified_now_stay(
    profile: Profile, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.faults.set(Fault(path="*", status=503))
    monkeypatch.setattr(default_context.page, "context", profile.visit())  # its chains are not in memory

    assert {kind for kind, _ in await faults()} == {"settings"}

    application.faults.set()
    assert await faults() == {}
