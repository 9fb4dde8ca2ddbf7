"""Files of a branch: the hub is asked for the entity tag, and the stored file is used if it has no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelden.errors import HttpError
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.usage import Consumer
from tests.simulators.fetcher import PATIENCE
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN

WEIGHTS = "onnx/model_quantized.onnx"
MAIN = ModelFile("org/tiny", "main", WEIGHTS)
PATH = f"/hub/org/tiny/main/{WEIGHTS}"
HEAD, GET = f"HEAD {PATH}?download=true", f"GET {PATH}?download=true"


async def read(hub: HubFiles) -> bytes:
    allow_list = AllowList((f"{ORIGIN}/hub/",), ())
    return await (await hub.get(MAIN, Consumer("task", "engine"), allow_list)).blob.read()


async def test_a_branch_is_asked_for_its_tag_before_the_file(profile: Profile) -> None:
    hub = await profile.visit().hub()
    await read(hub)
    assert profile.requests() == [HEAD, GET]
    await read(hub)
    assert profile.requests() == [HEAD]


async def test_a_branch_with_another_tag_is_fetched_again(profile: Profile, tree: Path) -> None:
    hub = await profile.visit().hub()
    await read(hub)
    (tree / "hub/org/tiny/main" / WEIGHTS).write_bytes(b"changed")
    profile.requests()

    assert await read(hub) == b"changed"
    assert profile.requests() == [HEAD, GET]
    assert await read(hub) == b"changed"
    assert profile.requests() == [HEAD]


SILENT: dict[str, Fault] = {
    "no tag": Fault(path=PATH, method="HEAD", status=200, body=""),
    "404": Fault(path=PATH, method="HEAD", status=404),
    "500": Fault(path=PATH, method="HEAD", status=500),
    "no answer": Fault(path=PATH, method="HEAD", drop_cors=True),
    "no answer in time": Fault(path=PATH, method="HEAD", delay_ms=60_000),
}


@pytest.mark.parametrize("silence", SILENT)
async def test_a_hub_that_does_not_tell_the_tag_leaves_the_copy_in_use(
    profile: Profile, application: Application, tree: Path, silence: str
) -> None:
    hub = await profile.visit().hub()
    application.faults.set(SILENT[silence])
    if silence == "no answer in time":
        profile.fetcher.patience = 1
    assert await read(hub) == FILES[WEIGHTS]
    assert profile.requests() == [HEAD, GET]
    (tree / "hub/org/tiny/main" / WEIGHTS).write_bytes(b"changed")

    assert await read(hub) == FILES[WEIGHTS]
    assert profile.requests() == [HEAD]
    application.faults.set()
    profile.fetcher.patience = PATIENCE
    assert await read(hub) == b"changed"


async def test_a_hub_without_tags_keeps_the_copy_until_there_is_one(profile: Profile, application: Application) -> None:
    hub = await profile.visit().hub()
    application.faults.set(Fault(path=PATH, status=200, body=":\x06no tag"))
    assert await read(hub) == b":\x06no tag"
    assert (await profile.database("modelFiles")).contents()["headers"][0]["headers"]["ETag"] == "NO_ETAG"
    assert await read(hub) == b":\x06no tag"
    assert profile.requests() == [HEAD, GET, HEAD]

    application.faults.set()
    assert await read(hub) == FILES[WEIGHTS]


async def test_a_branch_that_changed_and_cannot_be_fetched_keeps_its_old_file(
    profile: Profile, application: Application, tree: Path
) -> None:
    hub = await profile.visit().hub()
    await read(hub)
    (tree / "hub/org/tiny/main" / WEIGHTS).write_bytes(b"changed")
    application.faults.set(Fault(path=PATH, method="GET", status=500))
    with pytest.raises(HttpError):
        await read(hub)

    application.faults.set(Fault(path=PATH, status=500))
    assert await read(hub) == FILES[WEIGHTS]
