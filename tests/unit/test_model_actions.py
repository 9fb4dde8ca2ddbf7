"""The Python of ``<modelden-models>``: JSON in, JSON out, errors as their messages."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from modelden import default_context, model_actions
from modelden.host.testing import Fault
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey, PartialFile
from modelden.model_hub import ModelHub
from tests.simulators.blobs import MemoryBlob
from tests.unit.conftest import FILES, HUB_ROOT
from tests.unit.test_model_hub import EMBED, KEPT, WEIGHTS, damage, read

if TYPE_CHECKING:
    from modelden.host.serve.server import Application
    from tests.simulators.profile import Profile

NAME = json.dumps({"model": KEPT, "revision": "v1.0", "rootUrl": HUB_ROOT})


@pytest.fixture
def hub(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> ModelHub:
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    return ModelHub()


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_damaged_files_are_named(profile: Profile, hub: ModelHub) -> None:
    await read(hub, "config.json")
    await read(hub, WEIGHTS)
    await damage(profile, WEIGHTS, FILES[WEIGHTS][::-1])
    assert json.loads(await model_actions.verify(NAME)) == {
        "value": [{"path": "config.json", "ok": True}, {"path": WEIGHTS, "ok": False}]
    }


async def test_models_are_pinned_and_deleted(profile: Profile, hub: ModelHub) -> None:
    await read(hub, "config.json")
    database = await profile.database("modelFiles")
    for pinned in (True, False):
        assert json.loads(await model_actions.pin(NAME, pinned)) == {"value": None}
        assert len(await database.get_all("pins")) == pinned
    assert json.loads(await model_actions.delete(NAME)) == {"value": None}
    assert await hub.list_models() == []


async def test_an_error_is_its_message(hub: ModelHub) -> None:
    del hub
    answer = json.loads(await model_actions.verify(json.dumps({"model": "x", "revision": "v1", "rootUrl": None})))
    assert answer == {"error": "Invalid model name. Expected 'hostname/organization/name', got 'x'."}


async def begin(profile: Profile) -> None:
    partials = PartialDownloads(await profile.database("modelFiles"), profile.clock, profile.locks)
    key = FileKey(KEPT, "v1.0", WEIGHTS, HUB_ROOT)
    partial = PartialFile("begun", f"{HUB_ROOT}org/tiny/v1.0/{WEIGHTS}", None, len(FILES[WEIGHTS]), 1000, 1)
    await partials.append(key, partial, MemoryBlob(FILES[WEIGHTS][:1000], ""))


async def test_an_interrupted_download_is_completed(profile: Profile, hub: ModelHub) -> None:
    await begin(profile)
    reports: list[dict[str, Any]] = []
    answer = await model_actions.resume(NAME, lambda text: reports.append(json.loads(text)), never())
    assert json.loads(answer) == {"value": None}
    [model] = await hub.list_models()
    assert (model.files, model.partial_files, model.size) == (1, 0, len(FILES[WEIGHTS]))
    assert reports[-1] == {"loaded": model.size, "total": model.size, "fraction": 1.0}
    assert [report["loaded"] for report in reports] == sorted(report["loaded"] for report in reports)


async def test_a_stop_ends_the_download_and_keeps_its_part(
    profile: Profile, hub: ModelHub, application: Application
) -> None:
    await begin(profile)
    application.faults.set(Fault(path="/hub/*", delay_ms=3_600_000))
    stopped = never()
    resuming = asyncio.ensure_future(model_actions.resume(NAME, lambda _text: None, stopped))
    await asyncio.sleep(0)
    stopped.set_result(None)
    assert json.loads(await resuming) == {"value": None}
    [model] = await hub.list_models()
    assert model.partial_size == 1000


async def test_an_update_is_found_and_downloaded(profile: Profile, hub: ModelHub, application: Application) -> None:
    await (await default_context.current_context()).create_engine(EMBED)
    [status] = json.loads(await model_actions.updates())["value"]
    assert (status["model"], status["revision"], status["status"]) == ("org/tiny", "v1.0", "up-to-date")
    del application, profile

    reports: list[dict[str, Any]] = []
    request = json.dumps(status["request"])
    answer = await model_actions.download(request, lambda text: reports.append(json.loads(text)), never())
    assert json.loads(answer) == {"value": None}
    assert all(set(report) == {"loaded", "total", "fraction"} for report in reports)
    assert [model.name for model in await hub.list_models()] == [KEPT]
