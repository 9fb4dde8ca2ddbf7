"""Stored bytes that are not what they were heal by themselves: the load that fails on them finds out, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelden.engine.memory_guard import MEMORY_FACTOR, RUNTIME_MEMORY
from modelden.engine.options import PipelineOptions
from modelden.errors import EngineError, FileNotFoundOnHub, NetworkError
from modelden.host.serve.server import Application
from modelden.host.testing import Fault
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.records import FileKey
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.ports import Put
from tests.simulators.blobs import MemoryBlob
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, HUB_ROOT, WASM, write

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": -1}, own_features=True)
WEIGHTS = "onnx/model_quantized.onnx"
GET = f"GET /hub/org/tiny/v1.0/{WEIGHTS}?download=true"
GET_RUNTIME = "GET /attachments/main-workspace/ml-onnx-runtime/runtime.wasm"
OPTIONS = {"device": "wasm", "numThreads": 0, "options": {}}


async def damage(profile: Profile) -> None:
    """Other weights of the same size."""
    database = await profile.database("modelFiles")
    row = await database.get("files", FileKey("localhost/org/tiny", "v1.0", WEIGHTS, HUB_ROOT).id)
    assert row is not None
    body = (b"corrupt" + FILES[WEIGHTS])[: len(FILES[WEIGHTS])]
    content = {"content": row["content"], "index": "000000"}
    await database.commit([Put("chunks", content, {("data",): MemoryBlob(body)})])


async def damage_runtime(profile: Profile) -> None:
    """Another WASM file of the same size."""
    database = await profile.database("remote-settings")
    (row,) = await database.get_all("attachments")
    body = b"corrupt" + (await row["attachment"].pop("blob").read())[len(b"corrupt") :]
    await database.commit([Put("attachments", row, {("attachment", "blob"): MemoryBlob(body)})])


@pytest.fixture
async def damaged(profile: Profile) -> Profile:
    """A profile with a model whose weights were changed since."""
    await (await profile.visit().create_engine(EMBED)).close()
    await damage(profile)
    profile.requests()
    return profile


async def test_damaged_weights_are_fetched_again_and_the_engine_is_there(damaged: Profile) -> None:
    engine = await damaged.visit().create_engine(EMBED)

    assert damaged.engines.workers[-1].received == FILES
    assert (engine.status, damaged.engines.alive) == ("ready", 1)
    assert damaged.requests() == [GET]
    await damaged.visit().create_engine(EMBED)
    assert damaged.requests() == []


async def test_what_is_loaded_once_more_is_weighed_once(damaged: Profile) -> None:
    limit = RUNTIME_MEMORY + MEMORY_FACTOR * len(FILES[WEIGHTS])

    engine = await damaged.visit(replace(damaged.config, memory_limit=limit)).create_engine(EMBED)

    assert engine.status == "ready"


async def test_without_a_network_it_is_told_what_could_not_be_fetched(
    damaged: Profile, application: Application
) -> None:
    application.faults.set(Fault(path="/hub/*", drop_cors=True))

    with pytest.raises(NetworkError, match=WEIGHTS):
        await damaged.visit().create_engine(EMBED)

    application.faults.set()
    assert (await damaged.visit().create_engine(EMBED)).status == "ready"


async def test_a_model_that_is_none_is_checked_and_not_fetched_again(profile: Profile, tree: Path) -> None:
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")

    for _ in range(2):
        with pytest.raises(EngineError, match="was checked, and is what came from the hub") as caught:
            await profile.visit().create_engine(EMBED)
        for part in (
            f"{WEIGHTS} (26 bytes from http://localhost:8642/hub, hub)",
            "The hub gave no other bytes.",
            "`await modelden.ModelHub().delete_models(model='localhost/org/tiny', revision='v1.0')`",
        ):
            assert part in str(caught.value)

    assert profile.requests().count(GET) == 1
    assert (len(profile.engines.workers), profile.engines.alive) == (2, 0)


@pytest.mark.parametrize("change", ["as it was told", "without a word"])
async def test_weights_that_were_wrong_are_fetched_again_when_the_hub_has_others(
    profile: Profile, tree: Path, application: Application, change: str
) -> None:
    is_silent = change == "without a word"
    if is_silent:  # a hub whose headers a page cannot read
        application.faults.set(Fault(path=f"*{WEIGHTS}", status=200, body=":\x16corrupt from the start"))
        profile.engines.corrupt = b":\x16corrupt"
    else:
        write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")
    with pytest.raises(EngineError):
        await profile.visit().create_engine(EMBED)
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, FILES[WEIGHTS])
    application.faults.set()
    profile.requests()

    engine = await profile.visit().create_engine(EMBED)

    assert (engine.status, profile.engines.alive) == ("ready", 1)
    assert profile.engines.workers[-1].received == FILES
    asked = [request for request in profile.requests() if request.startswith("GET /hub/")]
    assert asked == [GET]
    await profile.visit().create_engine(EMBED)
    assert profile.requests() == []


@pytest.mark.parametrize("status", [400, 403, 405, 501])
async def test_a_hub_that_refuses_head_is_asked_by_get(
    profile: Profile, tree: Path, application: Application, status: int
) -> None:
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")
    with pytest.raises(EngineError):
        await profile.visit().create_engine(EMBED)
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, FILES[WEIGHTS])
    application.faults.set(Fault(path="/hub/*", method="HEAD", status=status))

    await profile.visit().create_engine(EMBED)

    assert profile.engines.workers[-1].received == FILES


async def test_configuration_that_was_wrong_is_fetched_again(profile: Profile, tree: Path) -> None:
    config = tree / "hub/org/tiny/v1.0/config.json"
    write(config, b'{"error": "corrupt"}')
    profile.engines.corrupt = b'{"error"'
    with pytest.raises(EngineError, match=r"config\.json \(20 bytes from"):
        await profile.visit().create_engine(EMBED)
    write(config, FILES["config.json"])

    await profile.visit().create_engine(EMBED)

    assert profile.engines.workers[-1].received == FILES


async def test_a_raw_model_that_was_wrong_is_fetched_again(profile: Profile, tree: Path) -> None:
    source = OnnxSource(ModelFile("org/tiny", "v1.0", WEIGHTS))
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")
    with pytest.raises(EngineError, match="The hub gave no other bytes"):
        await profile.visit().onnx_sessions().open(source, OPTIONS)
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, FILES[WEIGHTS])

    await profile.visit().onnx_sessions().open(source, OPTIONS)

    assert [worker.closed for worker in profile.sessions.workers] == [True, True, False]


async def test_a_hub_that_still_sends_the_wrong_file_leaves_the_stored_one(
    profile: Profile, tree: Path, application: Application
) -> None:
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")
    with pytest.raises(EngineError):
        await profile.visit().create_engine(EMBED)
    application.faults.set(Fault(path=f"*{WEIGHTS}", status=200, body="version https://git-lfs.github.com/spec/v1"))

    with pytest.raises(EngineError, match="The hub gave no other bytes"):
        await profile.visit().create_engine(EMBED)


async def test_what_is_the_same_is_fetched_again_once_in_a_page(profile: Profile, application: Application) -> None:
    application.faults.set(Fault(path=f"*{WEIGHTS}", status=200, body=":\x16corrupt from the start"))
    profile.engines.corrupt = b":\x16corrupt"
    with pytest.raises(EngineError):
        await profile.visit().create_engine(EMBED)
    profile.requests()

    page = profile.visit()
    for _ in range(3):
        with pytest.raises(EngineError):
            await page.create_engine(EMBED)

    assert profile.requests().count(GET) == 1


async def test_what_is_damaged_comes_before_an_optional_file_that_is_missing(damaged: Profile) -> None:
    damaged.engines.optional = ["generation_config.json"]

    assert (await damaged.visit().create_engine(EMBED)).status == "ready"


async def test_a_raw_model_heals_too(damaged: Profile) -> None:
    source = OnnxSource(ModelFile("org/tiny", "v1.0", WEIGHTS))

    await damaged.visit().onnx_sessions().open(source, OPTIONS)

    assert [worker.closed for worker in damaged.sessions.workers] == [True, False]
    assert damaged.requests() == [GET]


async def test_a_raw_model_that_is_not_there_is_no_damage(profile: Profile) -> None:
    with pytest.raises(FileNotFoundOnHub):
        await profile.visit().onnx_sessions().open(OnnxSource(ModelFile("org/tiny", "v1.0", "absent.onnx")), OPTIONS)

    assert [worker.closed for worker in profile.sessions.workers] == [True]


async def test_a_damaged_runtime_is_fetched_again_and_the_engine_is_there(profile: Profile) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    await damage_runtime(profile)
    profile.requests()

    engine = await profile.visit().create_engine(EMBED)

    assert (engine.status, profile.engines.alive) == ("ready", 1)
    assert [each for each in profile.requests() if each != "GET /v1/"] == [GET_RUNTIME]
    assert profile.engines.workers[-1].wasm == WASM
    await profile.visit().create_engine(EMBED)
    assert profile.requests() == []


async def test_a_damaged_runtime_that_cannot_be_fetched_is_told(profile: Profile, application: Application) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    await damage_runtime(profile)
    application.faults.set(Fault(path="/attachments/*", drop_cors=True))

    with pytest.raises(NetworkError, match=r"runtime\.wasm"):
        await profile.visit().create_engine(EMBED)

    application.faults.set()
    assert (await profile.visit().create_engine(EMBED)).status == "ready"


async def test_a_raw_model_finds_a_damaged_runtime(profile: Profile) -> None:
    source = OnnxSource(ModelFile("org/tiny", "v1.0", WEIGHTS))
    await profile.visit().onnx_sessions().open(source, OPTIONS)
    await damage_runtime(profile)
    profile.requests()

    await profile.visit().onnx_sessions().open(source, OPTIONS)

    assert [each for each in profile.requests() if each != "GET /v1/"] == [GET_RUNTIME]
