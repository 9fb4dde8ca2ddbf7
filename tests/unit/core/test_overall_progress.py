"""The one figure of a bar, over the streams of real loads and over invented ones."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.core.events import (
    CHOOSING_OPTIONS,
    DONE,
    DOWNLOADING,
    LOADING_FROM_CACHE,
    LOADING_RUNTIME,
    PLANNING,
    STARTING_ENGINE,
    Reporter,
    report_plan,
)
from modelden.core.overall_progress import UNFINISHED_SHARE
from modelden.engine.options import PipelineOptions
from modelden.errors import ModelDenError
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.catalog.names import ModelFile
from modelden.loading.onnx_file_provider import OnnxSource
from tests.progress_figures import Stream, check_figures, figures
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, TIMESTAMP, WASM

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)
WEIGHTS = "onnx/model_quantized.onnx"


async def load(profile: Profile, **changes: Any) -> tuple[Stream, bool]:
    """Create an engine on a new visit. Returns its events, and whether it was created."""
    stream: Stream = []
    try:
        page = profile.visit(replace(profile.config, **changes))
        await (await page.create_engine(EMBED, stream.append)).close()
    except ModelDenError:
        return stream, False
    return stream, True


def add_manifest(application: Application) -> None:
    files = [
        {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in FILES.items()
    ]
    record = {"id": "tiny", "modelId": "org/tiny", "revision": "v1.0", "files": files}
    application.collections.add("main", "ml-model-manifests", [record], TIMESTAMP)


async def test_a_cold_load_a_warm_one_and_a_partly_warm_one(profile: Profile) -> None:
    cold, created = await load(profile)
    assert created
    check_figures(cold, completes=True)

    warm, created = await load(profile)
    assert created
    check_figures(warm, completes=True)

    hub = await profile.visit().hub()
    await hub.store.delete_models(model="localhost/org/tiny")
    partly, created = await load(profile)
    assert created
    check_figures(partly, completes=True)


async def test_with_a_manifest_the_figure_is_the_share_of_the_bytes(profile: Profile, application: Application) -> None:
    add_manifest(application)

    stream, created = await load(profile, manifests=True)

    assert created
    check_figures(stream, completes=True)
    total = len(WASM) + sum(map(len, FILES.values()))
    plan = next(number for number, event in enumerate(stream) if event.type == PLANNING and event.status_text == DONE)
    loaded = len(WASM)
    for event, fraction in zip(stream[plan + 1 : -1], figures(stream)[plan + 1 : -1], strict=True):
        loaded += event.current_loaded or 0 if event.type == DOWNLOADING else 0
        assert fraction == pytest.approx(min(loaded / total, UNFINISHED_SHARE))


async def test_an_update_and_a_failure(profile: Profile, application: Application, tree: Path) -> None:
    await load(profile)
    for name, data in FILES.items():
        path = tree / "hub/org/tiny/v2.0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data + b" ")
    application.collections["main", "ml-inference-options"].update("options", modelRevision="v2.0")
    profile.clock.advance(hours=24)
    update, created = await load(profile)
    assert created
    check_figures(update, completes=True)

    application.collections["main", "ml-inference-options"].update("options", modelRevision="v3.0")
    profile.clock.advance(hours=24)
    stays, created = await load(profile)  # the old revision goes on
    assert created
    check_figures(stays, completes=True)


async def test_a_load_that_fails_never_reaches_the_end(profile: Profile, application: Application) -> None:
    application.faults.set(Fault(path=f"/hub/*/{WEIGHTS}", cut_after=1000))
    stream, created = await load(profile)

    assert not created
    check_figures(stream, completes=False)


async def test_a_raw_session(profile: Profile, tree: Path) -> None:
    path = tree / "hub/org/tiny/v1.0/onnx/raw.onnx"
    path.write_bytes(FILES[WEIGHTS])
    stream: Stream = []
    options = {"device": "wasm", "numThreads": 1}

    await (
        profile.visit()
        .onnx_sessions()
        .open(OnnxSource(ModelFile("org/tiny", "v1.0", "onnx/raw.onnx")), options, stream.append)
    )

    check_figures(stream, completes=True)


@st.composite
def transfers(draw: st.DrawFn) -> tuple[str, str, int, bool, bool, list[int], int]:
    """Name, type, size, whether the size is announced and promised, pieces, and the attempts that fail before."""
    name = draw(st.sampled_from(["config.json", "tokenizer.json", "onnx/model.onnx", "onnx/decoder.onnx", "vocab.txt"]))
    pieces = draw(st.lists(st.integers(1, 10**7), min_size=0, max_size=6))
    kind = draw(st.sampled_from([DOWNLOADING, DOWNLOADING, LOADING_FROM_CACHE]))
    return name, kind, sum(pieces), draw(st.booleans()), draw(st.booleans()), pieces, draw(st.integers(0, 2))


@given(
    files=st.lists(transfers(), max_size=6, unique_by=lambda file: file[0]),
    runtime=st.booleans(),
    is_planned=st.booleans(),
    is_engine=st.booleans(),
)
def test_any_stream_of_a_load_rises_to_one_at_its_end(
    *, files: list[tuple[str, str, int, bool, bool, list[int], int]], runtime: bool, is_planned: bool, is_engine: bool
) -> None:
    stream: Stream = []
    if is_engine:
        with Reporter(stream.append, CHOOSING_OPTIONS, "engine"):
            pass
    if runtime and is_engine:
        with Reporter(stream.append, LOADING_RUNTIME, "runtime.wasm") as reporter:
            reporter.advance(5_000_000, 11_000_000)
            reporter.advance(6_000_000, 11_000_000)
    if is_planned:
        report_plan(stream.append, "model", {file[0]: file[2] if file[4] else None for file in files})
    if is_engine:
        with Reporter(stream.append, STARTING_ENGINE, "engine"):
            load_files(stream, files)
    else:
        load_files(stream, files)
    # Files one after the other, of which nobody told the number, have an end after each.
    if stream and (is_engine or is_planned or len(files) == 1):
        check_figures(stream, completes=is_engine or bool(files))


def load_files(stream: Stream, files: list[tuple[str, str, int, bool, bool, list[int], int]]) -> None:
    """Report files, each after its failed attempts."""
    for name, kind, size, is_announced, _, pieces, failures in files:
        for attempt in range(failures + 1):
            with suppress(ConnectionError), Reporter(stream.append, kind, name, {"file": name}) as reporter:
                for piece in pieces if kind == DOWNLOADING else ():
                    reporter.advance(piece, size if is_announced else None)
                if attempt < failures:
                    raise ConnectionError
