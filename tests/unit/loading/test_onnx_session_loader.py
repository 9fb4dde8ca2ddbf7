"""Raw models are loaded as carefully as engines; of onnxruntime itself nothing is simulated."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelden.engine.memory_guard import RUNTIME_MEMORY
from modelden.errors import (
    CacheSizeExceeded,
    EngineTimeout,
    InputError,
    LoadEndedPage,
    NotEnoughMemory,
    QuotaExceeded,
)
from modelden.host.serve.server import Application
from modelden.hub.catalog.names import ModelFile
from modelden.loading.onnx_file_provider import OnnxSource
from tests.simulators.profile import Profile
from tests.unit.conftest import TIMESTAMP, write

OPTIONS: dict[str, Any] = {"device": "wasm", "numThreads": 4, "options": {}}
MODEL = ModelFile("org/raw", "v1.0", "onnx/model.onnx")


@pytest.fixture(autouse=True)
def raw(tree: Path) -> Path:
    """A model with weights beside it."""
    folder = tree / "hub/org/raw/v1.0/onnx"
    write(folder / "model.onnx", b"beside:weights.bin")
    write(folder / "weights.bin", bytes(5000))
    return folder


async def test_a_worker_that_hangs_is_tried_once_more_with_one_thread(profile: Profile) -> None:
    profile.sessions.hang = 1

    opened = await profile.visit().onnx_sessions().open(OnnxSource(MODEL), OPTIONS)

    assert [worker.opened["numThreads"] for worker in profile.sessions.workers] == [4, 1]
    assert opened.info.threads_reason == "with more threads the engine gave no sign of life while it loaded"
    assert [worker.closed for worker in profile.sessions.workers] == [True, False]


async def test_one_that_hangs_again_is_given_up(profile: Profile) -> None:
    profile.sessions.hang = 2

    with pytest.raises(EngineTimeout):
        await profile.visit().onnx_sessions().open(OnnxSource(MODEL), OPTIONS)

    assert [worker.closed for worker in profile.sessions.workers] == [True, True]


@pytest.mark.parametrize("room", [100, 5000], ids=["model", "weights beside it"])
async def test_a_model_for_which_there_is_no_memory_is_refused_before_it_comes(profile: Profile, room: int) -> None:
    context = profile.visit(replace(profile.config, memory_limit=RUNTIME_MEMORY + (50 if room == 100 else 4 * room)))
    events: list[Any] = []

    with pytest.raises(NotEnoughMemory):
        await context.onnx_sessions().open(OnnxSource(MODEL), OPTIONS, events.append)

    refused = MODEL.file if room == 100 else "onnx/weights.bin"
    of_file = [event for event in events if event.metadata.get("file") == refused]
    assert [event.status_text for event in of_file] == ["initiate", "done"]
    assert not of_file[-1].ok
    assert refused not in [
        file.path for file in await (await context.hub()).store.list_files("localhost/org/raw", "v1.0")
    ]
    assert profile.sessions.workers[-1].closed


async def test_bytes_are_weighed_too(profile: Profile) -> None:
    context = profile.visit(replace(profile.config, memory_limit=RUNTIME_MEMORY + 100))

    with pytest.raises(NotEnoughMemory):
        await context.onnx_sessions().open(OnnxSource(bytes(100)), OPTIONS)
    with pytest.raises(NotEnoughMemory):
        await context.onnx_sessions().open(OnnxSource(b"beside:w", {"w": bytes(100)}), OPTIONS)


async def test_what_a_session_uses_is_not_evicted_until_it_is_closed(profile: Profile, tree: Path) -> None:
    write(tree / "hub/org/other/v1.0/onnx/model.onnx", bytes(4000))
    config = replace(profile.config, max_cache_size=6000 / 1024**3, evict=True)
    opened = await profile.visit(config).onnx_sessions().open(OnnxSource(MODEL), OPTIONS)
    other = OnnxSource(ModelFile("org/other", "v1.0", "onnx/model.onnx"))
    with pytest.raises(CacheSizeExceeded):
        await profile.visit(config).onnx_sessions().open(other, OPTIONS)

    opened.close()
    await profile.visit(config).onnx_sessions().open(other, OPTIONS)
    kept = await (await profile.visit(config).hub()).store.list_models()
    assert [model.name for model in kept] == ["localhost/org/other"]


async def test_room_is_asked_for_the_weights_beside_it_before_the_first_byte(
    profile: Profile, raw: Path, application: Application
) -> None:
    write(raw / "model.onnx", b"beside:model.onnx_data")
    write(raw / "model.onnx_data", bytes(5000))
    contents = {path: (raw / path).read_bytes() for path in ("model.onnx", "model.onnx_data", "weights.bin")}
    files = [
        {"path": f"onnx/{path}", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in contents.items()
    ]
    record = {"id": "raw", "modelId": "org/raw", "revision": "v1.0", "files": files}
    application.collections.add("main", "ml-model-manifests", [record], TIMESTAMP)
    context = profile.visit(replace(profile.config, manifests=True))
    profile.page.leave(5010)
    with pytest.raises(QuotaExceeded):
        await context.onnx_sessions().open(OnnxSource(MODEL), OPTIONS)
    assert [request for request in profile.requests() if "/hub/" in request] == []

    profile.page.leave(5022)  # and no more: the weights of another name do not count
    await context.onnx_sessions().open(OnnxSource(MODEL), OPTIONS)


async def test_loads_that_ended_their_pages_are_remembered(profile: Profile) -> None:
    database = await profile.database("modelden")
    for _ in range(2):
        context = profile.visit()
        profile.sessions.stuck = asyncio.Event()
        profile.lost.append(asyncio.ensure_future(context.onnx_sessions().open(OnnxSource(MODEL), OPTIONS)))
        await profile.sessions.stuck.wait()
        context.ports.presence.dead = True  # type: ignore[attr-defined]  # a simulator's
    profile.sessions.stuck = None

    with pytest.raises(LoadEndedPage, match=r"while it loaded org/raw onnx/model\.onnx"):
        await profile.visit().onnx_sessions().open(OnnxSource(MODEL), OPTIONS)

    assert await database.get_all("loads") == []


async def test_data_outside_of_the_models_folder_is_refused(profile: Profile) -> None:
    with pytest.raises(InputError, match="which is not beside it"):
        await profile.visit().onnx_sessions().open(OnnxSource(b"beside:../w"), OPTIONS)
