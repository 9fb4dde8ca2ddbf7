"""Each download, engine, run and error emits its event of `modelden.on`, whichever function was called."""

from __future__ import annotations

from typing import Any

import pytest

from modelden import default_context
from modelden.core.events import Event
from modelden.engine.options import PipelineOptions
from modelden.errors import EngineError, FileNotFoundOnHub
from modelden.hub.catalog.names import ModelFile
from modelden.huggingface import hub_download
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.model_hub import ModelHub
from modelden.sharing import import_files
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN

EMBED = PipelineOptions.of(
    {"feature_id": "simple-text-embedder", "timeout_ms": 10, "flow_id": "mine"}, own_features=True
)
OPTIONS: dict[str, Any] = {"device": "wasm", "numThreads": 0, "options": {}}
ALLOWED = [{"filter": "ALLOW", "urlPrefix": f"{ORIGIN}/hub/"}]


@pytest.fixture
def emitted(profile: Profile) -> list[Event]:
    events: list[Event] = []
    for kind in ("download", "engine", "run", "error"):
        profile.events.on(kind, events.append)
    return events


@pytest.fixture
def hub(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> ModelHub:
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    return ModelHub(allow_deny_list=ALLOWED)


def files(emitted: list[Event], name: str = "done") -> list[str]:
    """Files of which something was emitted."""
    return [
        event.detail["metadata"]["file"]
        for event in emitted
        if event.type == "download" and event.name == name and "file" in event.detail["metadata"]
    ]


async def test_an_engine_that_comes_back_tells_of_its_files_and_of_its_flow(
    profile: Profile, emitted: list[Event]
) -> None:
    engine = await profile.visit().create_engine(EMBED)
    assert sorted(files(emitted)) == sorted(FILES)
    profile.timers.pass_time(10)
    emitted.clear()

    await engine.run("a")

    assert sorted(files(emitted)) == sorted(FILES)
    about_files = [event for event in emitted if event.type == "download" and "file" in event.detail["metadata"]]
    assert {(event.engine_id, event.flow_id) for event in about_files} == {("simple-text-embedder-engine", "mine")}
    assert {event.flow_id for event in emitted if event.type != "download"} == {"mine"}


async def test_an_engine_that_is_taken_again_tells_of_the_flow_of_who_took_it(
    profile: Profile, emitted: list[Event]
) -> None:
    den = profile.visit()
    await den.create_engine(EMBED)
    engine = await den.create_engine(EMBED.updated({"flow_id": "another"}))
    emitted.clear()

    await engine.run("a")

    assert [(event.type, event.flow_id) for event in emitted] == [("run", "another")]


async def test_files_that_are_asked_for_by_name_are_told(emitted: list[Event], hub: ModelHub) -> None:
    await hub.get_model_file(task_name="task", model="org/tiny", revision="v1.0", file="config.json")
    await hub_download("org/tiny", "tokenizer.json", revision="v1.0", hub=hub)

    assert files(emitted) == ["config.json", "tokenizer.json"]


async def test_imported_files_are_told(emitted: list[Event], hub: ModelHub) -> None:
    await import_files({"config.json": b"{}"}, model="org/tiny", revision="v1.0", hub=hub)

    assert files(emitted) == ["config.json"]
    assert {event.detail["type"] for event in emitted} == {"importing"}


async def test_a_raw_model_tells_of_its_life(profile: Profile, emitted: list[Event]) -> None:
    den = profile.visit()
    with pytest.raises(FileNotFoundOnHub):
        await den.onnx_sessions().open(OnnxSource(ModelFile("org/tiny", "v1.0", "absent.onnx")), OPTIONS)
    opened = await den.onnx_sessions().open(
        OnnxSource(ModelFile("org/tiny", "v1.0", "onnx/model_quantized.onnx")), OPTIONS
    )
    await opened.infer([], {})
    with pytest.raises(EngineError):
        await opened.infer([], {"refuse": 1})
    opened.close()

    assert files(emitted, "initiate") == ["absent.onnx", "onnx/model_quantized.onnx"]
    assert [(event.type, event.name) for event in emitted if event.type != "download"] == [
        ("error", "FileNotFoundOnHub"),
        ("engine", "ready"),
        ("run", "done"),
        ("error", "EngineError"),
        ("engine", "closed"),
    ]
    assert {event.engine_id for event in emitted if event.detail.get("type") != "loading_runtime"} == {"onnx-session"}


async def test_a_raw_model_whose_gpu_goes_tells_of_it_and_goes_on(profile: Profile, emitted: list[Event]) -> None:
    source = OnnxSource(ModelFile("org/tiny", "v1.0", "onnx/model_quantized.onnx"))
    opened = await profile.visit().onnx_sessions().open(source, {**OPTIONS, "device": "webgpu"})
    assert opened.info.device == "webgpu"
    await opened.infer([], {"lose": 1})

    assert (opened.info.device, opened.info.device_reason) == ("wasm", "the GPU device was lost: gone")
    assert [(event.type, event.name) for event in emitted if event.type != "download"] == [
        ("engine", "ready"),
        ("error", "DeviceLost"),
        ("engine", "crashed"),
        ("engine", "ready"),
        ("run", "done"),
    ]
