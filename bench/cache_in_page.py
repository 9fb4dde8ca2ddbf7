"""The jobs of `bench/cache.py` in the page. Times are in milliseconds."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import modelden
from modelden.default_context import current_context
from modelden.hub.store.schema import MODEL_FILES
from modelden.ports import Delete, Put

FILE = "model.onnx"


async def cold(root_url: str, revision: str) -> float:
    """Download, hash and store a file."""
    hub = _hub(root_url)
    await hub.list_models()  # the database is open
    start = time.perf_counter()
    await _get(hub, revision)
    return (time.perf_counter() - start) * 1000


async def warm(root_url: str, revision: str) -> float:
    """Read a stored file into an ArrayBuffer, as an engine's worker does."""
    hub = _hub(root_url)
    await hub.list_models()
    start = time.perf_counter()
    got = await _get(hub, revision)
    buffer = await got.blob.js_blob.arrayBuffer()
    taken = (time.perf_counter() - start) * 1000
    if buffer.byteLength != got.size:
        raise AssertionError(buffer.byteLength)
    return taken


async def merged() -> None:
    """Wait until the files are compacted in the background, as a second visit finds them."""
    database = await (await current_context()).ports.databases.open(MODEL_FILES)
    while any(row["chunks"] > 1 for row in await database.get_all("files")):  # noqa: ASYNC110  no event
        await asyncio.sleep(0.1)


async def delete(root_url: str) -> None:
    """Remove everything."""
    await _hub(root_url).purge()


async def lists(numbers: list[int]) -> dict[str, dict[str, float]]:
    """Microseconds per file of the three lists, with this number of files in models of ten files."""
    results = {}
    hub = modelden.ModelHub("http://localhost/", "{model}/{revision}", [])
    for number in numbers:
        await _fill(number)
        await hub.list_models()
        times = {
            "list_models": (await _timed(hub.list_models), number),
            "list_files of a task": (await _timed(lambda: hub.list_files(task_name="task")), number),
            "list_files of a model": (
                await _timed(lambda: hub.list_files(model="localhost/org/model-00000", revision="v1")),
                10,
            ),
        }
        results[str(number)] = {name: seconds * 1e6 / count for name, (seconds, count) in times.items()}
    await hub.purge()
    return results


async def _timed(call: Any) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        await call()
        best = min(best, time.perf_counter() - start)
    return best


async def _fill(number: int) -> None:
    database = await (await current_context()).ports.databases.open(MODEL_FILES)
    changes: list[Put | Delete] = []
    blob = (await current_context()).ports.blobs.join([], "")
    for index in range(number):
        names = {"model": f"localhost/org/model-{index // 10:05d}", "revision": "v1", "file": f"file-{index % 10}"}
        key = "/".join(names.values())
        fields = {
            "Content-Type": "text/plain",
            "Content-Length": "0",
            "ETag": f'"{index}"',
            "fileSize": 0,
            "lastUpdated": 1_700_000_000_000 + index,
            "lastUsed": 1_700_000_000_000 + index,
        }
        file = {"id": key, **names, "sha256": f"{index:064x}", "integrity": "hub", "hub": None, "content": key}
        changes += [
            Put("headers", {**names, "headers": fields}),
            Put("engines", {**names, "engineIds": ["default-engine"]}),
            Put("tasks", {**names, "taskName": "task"}),
            Put("files", {**file, "chunks": 1}),
            Put("chunks", {"content": key, "index": "000000"}, {("data",): blob}),
        ]
    await database.commit(changes)


def _hub(root_url: str) -> modelden.ModelHub:
    modelden.configure()
    return modelden.ModelHub(root_url, "{model}/{revision}", [])


async def _get(hub: modelden.ModelHub, revision: str) -> Any:
    return await hub.get_model_file(task_name="task", model="org/model", revision=revision, file=FILE)
