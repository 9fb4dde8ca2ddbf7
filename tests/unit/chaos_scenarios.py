"""The scenarios of `test_chaos`: the acts of a page, without and with faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from modelden.context import Context
from modelden.engine.options import PipelineOptions
from modelden.hub.catalog.names import ModelFile
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.model_hub import ModelHub
from modelden.remote_settings import poll_settings
from modelden.sharing import export_model, import_files
from modelden.storage import storage_info
from tests.simulators.blobs import MemoryBlob
from tests.unit.chaos_episode import Act, Scenario, Visit
from tests.unit.chaos_world import CHANGED, NEW, OLD, WEIGHTS
from tests.unit.conftest import FILES

MODEL = "localhost/org/tiny"
PINNED: dict[str, Any] = {"task_name": "feature-extraction", "model": "org/tiny", "revision": "v1.0", "file": WEIGHTS}
MAIN: dict[str, Any] = {**PINNED, "revision": "main"}
EMBED = {"feature_id": "simple-text-embedder", "timeout_ms": -1}
SUMMARIZE = {"task_name": "summarization", "timeout_ms": -1}
RAW = OnnxSource(ModelFile("org/raw", "v1.0", "onnx/model.onnx"))
RAW_OPTIONS: dict[str, Any] = {"device": "wasm", "numThreads": 4, "options": {}}


def get(file: dict[str, Any], *contents: bytes) -> Act:
    async def act(_visit: Visit) -> None:
        assert await (await ModelHub().get_model_file(**file)).read() in contents

    return act


def create(options: dict[str, Any]) -> Act:
    async def act(visit: Visit) -> None:
        await visit.create_engine(**options)
        await run(visit)

    return act


async def run(visit: Visit) -> None:
    assert (await visit.engines[-1].run("a"))["args"] == ["a"]


async def prefetch(visit: Visit) -> None:
    await visit.context.prefetch(PipelineOptions.of(EMBED, own_features=True))


async def update(visit: Visit) -> None:
    await poll_settings()
    await visit.engines[0].update()
    assert visit.engines[0].model_revision == "v2.0"
    await run(visit)


async def delete(_visit: Visit) -> None:
    await ModelHub().delete_models(model=MODEL, revision="v1.0")
    assert await ModelHub().list_models() == []


async def delete_by_engine(_visit: Visit) -> None:
    await ModelHub().delete_files_by_engine("simple-text-embedder-engine")
    assert await ModelHub().list_models() == []


async def purge(_visit: Visit) -> None:
    await ModelHub().purge()
    assert await ModelHub().list_models() == []


async def both(*acts: Awaitable[None]) -> None:
    """Wait for all, then raise the first error."""
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if result is not None:
            raise result


async def delete_during_use(visit: Visit) -> None:
    await both(delete(visit), run(visit))
    await run(visit)


async def delete_during_load(visit: Visit) -> None:
    await both(ModelHub().delete_models(model=MODEL, revision="v1.0"), create(EMBED)(visit))


async def list_all(_visit: Visit) -> list[int]:
    hub = ModelHub()
    models = await hub.list_models()
    files = [file for each in models for file in await hub.list_files(model=each.name, revision=each.revision)]
    used = await hub.list_files(task_name="feature-extraction")
    await storage_info()
    return [len(models), len(files), len(used)]


async def pin_and_verify(_visit: Visit) -> list[bool]:
    hub = ModelHub()
    await hub.pin(MODEL, "v1.0")
    verified = await hub.verify(model=MODEL, revision="v1.0")
    await hub.pin(MODEL, "v1.0", keep=False)
    return [file.ok for file in verified]


async def import_loose(_visit: Visit) -> None:
    files = {WEIGHTS: OLD, "config.json": FILES["config.json"]}
    assert len(await import_files(files, model="org/tiny", revision="v9")) == len(files)


ARCHIVES: list[Any] = []
"""What `export` made, without faults."""


async def export(_visit: Visit) -> None:
    archive = await export_model(MODEL, "v1.0")
    assert set(archive.paths) == set(FILES)
    ARCHIVES.append(getattr(archive.blob, "target", archive.blob))


async def export_and_delete(visit: Visit) -> None:
    await create(EMBED)(visit)
    await export(visit)
    await visit.engines[0].close()
    await ModelHub().delete_models(model=MODEL, revision="v1.0")


async def import_archive(visit: Visit) -> None:
    archive: MemoryBlob = ARCHIVES[-1]
    assert len(await import_files(visit.chaos.wrap(archive))) == len(FILES)


async def open_raw(visit: Visit) -> None:
    session = await visit.context.onnx_sessions().open(RAW, RAW_OPTIONS)
    visit.sessions.append(session)
    await session.infer(["a"], [{}])


async def poll(_visit: Visit) -> None:
    await poll_settings()


async def compact(visit: Visit) -> None:
    """The page is idle after a download, and the file's chunks become one Blob."""
    await get(PINNED, OLD)(visit)
    visit.profile.timers.pass_time(10_000)
    for _ in range(60):
        await asyncio.sleep(0)


async def create_in_two_tabs(visit: Visit) -> None:
    """Two tabs create the same engine; the first is the one that may be cancelled."""
    request = PipelineOptions.of(EMBED, own_features=True)

    async def act(tab: Context) -> None:
        visit.engines.append(await tab.create_engine(request))
        await run(visit)

    await in_two_tabs(visit, act(visit.context), act(visit.open_page()))


async def get_in_two_tabs(visit: Visit) -> None:
    """Two tabs get the same file; one downloads, the other waits. The first may be cancelled."""
    first = asyncio.ensure_future(get(PINNED, OLD)(visit))
    await asyncio.sleep(0)
    visit.open_page()
    await in_two_tabs(visit, first, get(PINNED, OLD)(visit))


async def in_two_tabs(visit: Visit, *acts: Awaitable[None]) -> None:
    first, second = (asyncio.ensure_future(act) for act in acts)
    visit.chaos.target = first
    try:
        await both(first, second)
    finally:
        assert not second.cancelled()


async def break_off(visit: Visit) -> None:
    """Cancel a download when a chunk of it is stored."""
    task = asyncio.ensure_future(get(PINNED, OLD)(visit))
    for _ in range(1000):
        await asyncio.sleep(0)
        if visit.profile.databases.contents().get("modelFiles", {}).get("partials"):
            task.cancel()
    assert task.cancelled()


async def sleep_and_wake(visit: Visit) -> None:
    visit.profile.timers.pass_time(10_000)
    assert visit.engines[0].status != "ready"
    await run(visit)


async def check_updates(visit: Visit) -> list[str]:
    return [status.status for status in await visit.context.check_updates()]


async def evict(_visit: Visit) -> list[str]:
    """A second model has space when the first is evicted."""
    await ModelHub().get_model_file(**{**PINNED, "revision": "v2.0", "file": "tokenizer.json"})
    return [model.revision for model in await ModelHub().list_models()]


async def look(_visit: Visit) -> int:
    found = await ModelHub().model_files("org/tiny", "v1.0", task="feature-extraction")
    return len(found.files)


MEMORY = {"memory_when_full": True}
SMALL = {"max_cache_size": (len(OLD) + 10) / 1024**3, "evict": True}

SCENARIOS = {
    "get-pinned-cold": Scenario(get(PINNED, OLD)),
    "get-pinned-cold-memory": Scenario(get(PINNED, OLD), options=MEMORY),
    "get-pinned-warm": Scenario(get(PINNED, OLD), earlier=get(PINNED, OLD)),
    "get-main-cold": Scenario(get(MAIN, OLD)),
    "get-main-warm": Scenario(get(MAIN, OLD), earlier=get(MAIN, OLD)),
    "get-main-changed": Scenario(get(MAIN, OLD, NEW), earlier=get(MAIN, OLD), state=CHANGED),
    "create-cold": Scenario(create(EMBED)),
    "create-cold-memory": Scenario(create(EMBED), options=MEMORY),
    "create-warm": Scenario(create(EMBED), earlier=create(EMBED)),
    "create-main-changed": Scenario(create(SUMMARIZE), earlier=create(SUMMARIZE), state=CHANGED),
    "prefetch": Scenario(prefetch),
    "update": Scenario(update, begin=create(EMBED), earlier=create(EMBED), state=CHANGED),
    "poll": Scenario(poll, earlier=create(EMBED), state=CHANGED),
    "import-loose": Scenario(import_loose),
    "import-archive": Scenario(import_archive, earlier=export_and_delete),
    "export": Scenario(export, earlier=create(EMBED)),
    "delete": Scenario(delete, earlier=create(EMBED)),
    "delete-by-engine": Scenario(delete_by_engine, earlier=create(EMBED)),
    "purge": Scenario(purge, earlier=create(EMBED)),
    "delete-during-use": Scenario(delete_during_use, begin=create(EMBED), earlier=create(EMBED)),
    "delete-during-load": Scenario(delete_during_load, earlier=create(EMBED)),
    "list": Scenario(list_all, earlier=create(EMBED), result=[1, 3, 3]),
    "pin-and-verify": Scenario(pin_and_verify, earlier=create(EMBED), result=[True] * 3),
    "session-cold": Scenario(open_raw),
    "session-warm": Scenario(open_raw, earlier=open_raw),
    "compact": Scenario(compact),
    "two-tabs-create": Scenario(create_in_two_tabs),
    "two-tabs-get": Scenario(get_in_two_tabs),
    "get-resumed": Scenario(get(PINNED, OLD), earlier=break_off),
    "sleep-and-wake": Scenario(sleep_and_wake, begin=create({**EMBED, "timeout_ms": 5_000}), earlier=create(EMBED)),
    "evict": Scenario(evict, earlier=get(PINNED, OLD), options=SMALL, result=["v2.0"]),
    "overview": Scenario(look, earlier=create(EMBED), result=4),
    "check-updates": Scenario(check_updates, earlier=create(EMBED), state=CHANGED, result=["update-available"]),
}
