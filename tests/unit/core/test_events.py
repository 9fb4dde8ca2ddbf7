"""Each download, engine, run and error emits its event of `modelden.on`, whichever function was called."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import pytest

from modelden import default_context
from modelden.core.events import DOWNLOADING, LOADING_FROM_CACHE, Event, ProgressEvent, Reporter
from modelden.engine.options import PipelineOptions
from modelden.errors import EngineError, FileNotFoundOnHub
from modelden.hub.catalog.names import ModelFile
from modelden.huggingface import hub_download
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.model_hub import ModelHub
from modelden.sharing import import_files
from tests.replay import load_truth
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN

URL = "http://localhost:18432/org/model/v1.0/config.json?download=true"

OURS = {
    "type": "type",
    "statusText": "status_text",
    "id": "id",
    "progress": "progress",
    "totalLoaded": "total_loaded",
    "currentLoaded": "current_loaded",
    "total": "total",
    "units": "units",
    "ok": "ok",
    "metadata": "metadata",
}


def recorded(name: str, note: str | None = None) -> list[dict[str, Any]]:
    """The first recorded sequence of events, in our names."""
    steps = [step for step in load_truth(name)["steps"] if "events" in step and step.get("note") == note]
    return [{OURS[key]: value for key, value in event.items()} for event in steps[0]["events"]]


def reported(kind: str, chunks: list[int], total: int | None, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    events: list[ProgressEvent] = []
    with Reporter(events.append, kind, URL, metadata) as reporter:
        for size in chunks:
            reporter.advance(size, total)
    return [asdict(event) for event in events]


def test_a_download_in_one_piece_reports_as_firefox_does() -> None:
    expected = recorded("hub_cold_pinned")

    assert reported(DOWNLOADING, [5], 5, expected[0]["metadata"]) == expected


def test_a_file_from_the_cache_reports_as_firefox_does() -> None:
    expected = recorded("hub_warm_pinned", "warm, same hub object")

    assert reported(LOADING_FROM_CACHE, [], None, expected[0]["metadata"]) == expected


def test_pieces_are_a_size_estimate_and_then_in_progress() -> None:
    """As ``hub_progress_large``: the first piece carries bytes already, and the last one has it all."""
    events = reported(DOWNLOADING, [250_000] * 12, 3_000_000, {})
    pieces = events[1:-1]

    assert [event["status_text"] for event in events] == [
        "initiate",
        "size_estimate",
        *["in_progress"] * 11,
        "done",
    ]
    assert [event["total_loaded"] for event in pieces] == [250_000 * n for n in range(1, 13)]
    assert {event["current_loaded"] for event in pieces} == {250_000}
    assert {event["total"] for event in pieces} == {3_000_000}
    assert {event["units"] for event in pieces} == {"bytes"}
    assert pieces[-1]["progress"] == 100
    assert events[-1]["ok"]


def test_an_empty_file_has_no_pieces() -> None:
    events = reported(DOWNLOADING, [], 0, {})

    assert [event["status_text"] for event in events] == ["initiate", "done"]


def test_without_a_total_there_is_no_per_cent() -> None:
    """Firefox invents one: what came so far, and 100 per cent of it (``hub_content_length``)."""
    piece = reported(DOWNLOADING, [300], None, {})[1]

    assert (piece["total"], piece["progress"], piece["total_loaded"]) == (None, None, 300)


def test_more_bytes_than_announced_are_100_per_cent() -> None:
    """A compressed answer announces its length on the wire."""
    assert [event["progress"] for event in reported(DOWNLOADING, [40, 60], 50, {})[1:-1]] == [80, 100]


def test_another_try_counts_from_the_start() -> None:
    events: list[ProgressEvent] = []
    with Reporter(events.append, DOWNLOADING, URL) as reporter:
        reporter.advance(3, 6)
        reporter.restart()
        reporter.advance(6, 6)

    assert [event.total_loaded for event in events[1:-1]] == [3, 6]
    assert [event.status_text for event in events[1:-1]] == ["size_estimate", "size_estimate"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_is_done_and_not_ok_and_goes_on(error: type[BaseException]) -> None:
    events: list[ProgressEvent] = []

    def fail() -> None:
        with Reporter(events.append, DOWNLOADING, URL):
            raise error

    with pytest.raises(error):
        fail()
    assert [(event.status_text, event.ok) for event in events] == [("initiate", True), ("done", False)]


def test_a_callback_that_fails_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def callback(event: ProgressEvent) -> None:
        raise RuntimeError(f"no {event.status_text}")

    with caplog.at_level(logging.ERROR), Reporter(callback, DOWNLOADING, URL) as reporter:
        reporter.advance(1, 1)

    assert len(caplog.records) == 3
    assert "The progress callback failed on downloading initiate" in caplog.text


def test_nobody_has_to_listen() -> None:
    with Reporter(None, DOWNLOADING, URL) as reporter:
        reporter.advance(1, 1)


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
    context = profile.visit()
    await context.create_engine(EMBED)
    engine = await context.create_engine(EMBED.updated({"flow_id": "another"}))
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
    context = profile.visit()
    with pytest.raises(FileNotFoundOnHub):
        await context.onnx_sessions().open(OnnxSource(ModelFile("org/tiny", "v1.0", "absent.onnx")), OPTIONS)
    opened = await context.onnx_sessions().open(
        OnnxSource(ModelFile("org/tiny", "v1.0", "onnx/model_quantized.onnx")), OPTIONS
    )
    await opened.infer([], [{}])
    with pytest.raises(EngineError):
        await opened.infer([], [{"refuse": 1}])
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
    await opened.infer([], [{"lose": 1}])

    assert (opened.info.device, opened.info.device_reason) == ("wasm", "the GPU device was lost: gone")
    assert [(event.type, event.name) for event in emitted if event.type != "download"] == [
        ("engine", "ready"),
        ("error", "DeviceLost"),
        ("engine", "crashed"),
        ("engine", "ready"),
        ("run", "done"),
    ]
