"""Engines that are to run on a GPU which cannot be had: they run on wasm, and say why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from modelden.engine.options import PipelineOptions

if TYPE_CHECKING:
    from modelden.engine.engine import Engine
    from tests.simulators.profile import Profile

NO_ADAPTER = "WebGPU finds no adapter on this machine"


async def engine_of(profile: Profile, device: str | Mapping[str, str]) -> Engine:
    request = {"task_name": "feature-extraction", "model_id": "org/tiny", "model_revision": "v1.0", "device": device}
    return await profile.visit().create_engine(PipelineOptions.of(request, own_features=True))


@pytest.mark.parametrize("device", ["gpu", "auto"])
async def test_without_an_adapter_the_worker_is_told_wasm(profile: Profile, device: str) -> None:
    profile.page.no_gpu = NO_ADAPTER

    engine = await engine_of(profile, device)

    assert profile.engines.workers[0].created["device"] == "wasm"
    assert engine.info()["deviceReason"] == NO_ADAPTER


async def test_a_runtime_without_webgpu_is_named(profile: Profile) -> None:
    profile.bundle = profile.bundle._replace(devices=("wasm",))

    engine = await engine_of(profile, "gpu")

    assert profile.engines.workers[0].created["device"] == "wasm"
    assert engine.info()["deviceReason"] == "the runtime that is used, runtime.wasm, has no WebGPU"


async def test_who_does_not_want_it_is_told_nothing(profile: Profile) -> None:
    profile.page.no_gpu = NO_ADAPTER

    assert "deviceReason" not in (await engine_of(profile, "wasm")).info()


async def test_it_is_asked_again_on_the_next_visit(profile: Profile) -> None:
    profile.page.no_gpu = NO_ADAPTER
    await engine_of(profile, "gpu")
    profile.page.no_gpu = None

    engine = await engine_of(profile, "gpu")

    assert profile.engines.workers[1].created["device"] == "webgpu"
    assert "deviceReason" not in engine.info()


async def test_each_part_has_its_device(profile: Profile) -> None:
    parts = {"encoder_model": "gpu", "decoder_model_merged": "cpu", "embed_tokens": "webnn-npu"}
    await engine_of(profile, parts)
    profile.page.no_gpu = NO_ADAPTER

    engine = await engine_of(profile, parts)

    first, other = [worker.created["device"] for worker in profile.engines.workers]
    assert first == {"encoder_model": "webgpu", "decoder_model_merged": "wasm", "embed_tokens": "webnn-npu"}
    assert other == {"encoder_model": "wasm", "decoder_model_merged": "wasm", "embed_tokens": "webnn-npu"}
    assert engine.info()["deviceReason"] == NO_ADAPTER


@pytest.mark.parametrize("device", ["webnn", "webnn-gpu", {"model": "webnn"}])
async def test_webnn_is_handed_on(profile: Profile, device: str | Mapping[str, str]) -> None:
    profile.page.no_gpu = NO_ADAPTER

    engine = await engine_of(profile, device)

    assert profile.engines.workers[0].created["device"] == device
    assert "deviceReason" not in engine.info()
