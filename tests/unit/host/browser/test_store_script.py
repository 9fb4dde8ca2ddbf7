from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelden import default_context
from modelden.engine.options import PipelineOptions
from modelden.host.browser import store_script
from modelden.hub.store.records import FileKey
from modelden.model_hub import ModelHub
from modelden.ports import Put
from tests.simulators.blobs import MemoryBlob
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, HUB_ROOT, WASM, write_tree

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)
MODEL = "localhost/org/tiny"
WEIGHTS = "onnx/model_quantized.onnx"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tree of `profile`, in place of that of the server's tests."""
    return write_tree(tmp_path / "tree")


@pytest.fixture(autouse=True)
async def visited(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that has stored a model and a runtime."""
    context = profile.visit()
    monkeypatch.setattr(default_context.page, "context", context)
    await (await context.create_engine(EMBED)).close()


async def call(name: str, **arguments: Any) -> Any:
    return json.loads(await store_script.call(json.dumps([name, arguments])))


async def test_models_are_listed_with_their_pins() -> None:
    (model,) = await call("list")
    assert (model["name"], model["revision"], model["files"]) == (MODEL, "v1.0", len(FILES))
    assert model["pinned"] is False

    await ModelHub().pin(MODEL, "v1.0")
    assert [each["pinned"] for each in await call("list")] == [True]


async def test_damaged_files_are_named(profile: Profile) -> None:
    assert all(each["ok"] for each in await call("verify"))

    database = await profile.database("modelFiles")
    row = await database.get("files", FileKey(MODEL, "v1.0", WEIGHTS, HUB_ROOT).id)
    assert row is not None
    content = {"content": row["content"], "index": "000000"}
    await database.commit([Put("chunks", content, {("data",): MemoryBlob(FILES[WEIGHTS][::-1], "")})])
    settings = await profile.database("remote-settings")
    (runtime,) = await settings.get_all("attachments")
    await settings.commit([Put("attachments", runtime, {("attachment", "blob"): MemoryBlob(WASM[::-1], "")})])

    faults = [each for each in await call("verify") if not each["ok"]]
    assert [(each["kind"], each["model"], each["revision"]) for each in faults] == [
        ("model", MODEL, "v1.0"),
        ("runtime", None, None),
    ]
    assert faults[0]["path"] == WEIGHTS


async def test_settings_of_another_server_stay(profile: Profile) -> None:
    before = await (await profile.database("remote-settings")).get_all("collections")
    await call("verify")

    assert await (await profile.database("remote-settings")).get_all("collections") == before != []


async def test_models_are_deleted_by_their_roots() -> None:
    await call("delete", models=[[MODEL, "v1.0", "https://other.example/hub/"]])
    assert len(await call("list")) == 1

    await call("delete", models=[[MODEL, "v1.0", HUB_ROOT]])
    assert await call("list") == []
