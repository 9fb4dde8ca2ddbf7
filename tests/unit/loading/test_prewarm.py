from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from modelden.config import Configuration
from modelden.engine.options import PipelineOptions
from modelden.errors import UnavailableError
from modelden.loading.prewarm import prewarm
from modelden.ports import Delete, WorkerSpec
from tests.simulators.profile import Profile

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)


async def ahead(profile: Profile, config: Configuration | None = None) -> WorkerSpec | None:
    """The worker that a page of the profile starts before it knows its needs."""
    workers = asyncio.sleep(0, (profile.engines, (profile.bundle,)))
    await prewarm(config or profile.config, profile.databases, workers)
    return profile.engines.prewarmed[0] if profile.engines.prewarmed else None


async def test_a_first_visit_starts_nothing(profile: Profile) -> None:
    assert await ahead(profile) is None
    assert not profile.engines.workers


async def test_a_second_visit_starts_the_runtime_of_the_first_and_its_engine_takes_it(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    expected = await ahead(profile)
    first, started = profile.engines.workers
    engine = await profile.visit().create_engine(EMBED)

    assert expected == WorkerSpec(profile.bundle.bundle, profile.bundle.glue, profile.bundle.sha256, 0)
    assert await engine.run("text")
    assert profile.engines.workers == [first, started]
    assert not started.closed


async def test_what_nobody_took_is_ended(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    await ahead(profile)
    request = PipelineOptions.of({"feature_id": "simple-text-embedder", "num_threads": 2}, own_features=True)
    await profile.visit().create_engine(request)
    _, started, taken = profile.engines.workers

    assert started.closed
    assert not taken.closed


async def test_it_is_ended_when_the_engine_cannot_be_created(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    await ahead(profile)
    request = PipelineOptions.of({"task_name": "fill-mask", "model_id": "org/none", "model_revision": "v1"})
    with pytest.raises(UnavailableError):
        await profile.visit().create_engine(request)

    assert profile.engines.workers[-1].closed
    assert profile.engines.prewarmed is None


async def test_nothing_is_started_of_another_server_or_another_major(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)

    assert await ahead(profile, replace(profile.config, settings_server="http://localhost:1/v1")) is None
    assert await ahead(profile, replace(profile.config, runtime_major=6)) is None


async def test_nothing_is_started_with_a_runtime_that_is_not_kept(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    database = await profile.database("remote-settings")
    await database.commit([Delete("attachments", ("main/ml-onnx-runtime", "runtime"))])

    assert await ahead(profile) is None


async def test_nothing_is_started_with_a_runtime_that_this_modelden_does_not_know(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    profile.bundle = profile.bundle._replace(sha256="0" * 64)

    assert await ahead(profile) is None


async def test_a_guess_that_fails_unexpectedly_stops_no_engine(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await profile.visit().create_engine(EMBED)

    async def fail(_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(profile.databases, "open", fail)
        assert await ahead(profile) is None

    assert "No worker is started ahead." in caplog.text


async def test_a_row_of_another_build_starts_nothing(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    for row in profile.databases["modelden"].rows["engines"].values():
        row["plan"] = {"format": 2}

    assert await ahead(profile) is None
