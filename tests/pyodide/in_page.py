"""Functions in the page for tests: pushed into Pyodide's file system by `browser_page.Page`, which also calls it.

Arguments and results are plain JSON data, whatever they are in modelden.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from dataclasses import asdict, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pyodide.ffi import JsNull, JsProxy

import modelden
from modelden._js import bytecode_cache
from modelden._js.blobs import JsBlob
from modelden.core.response_body import sha256_of

type Json = Any

download: asyncio.Future[dict[str, Json]]
open_engine: modelden.Engine
held: modelden.HubFile
progress_events: list[modelden.ProgressEvent] = []
"""What `get_file` was told, while it is at it."""

TEXTS = ["hello world", "the cat. a dog"]
"""What engines are asked in passing: words that the tiny model knows."""


def configure(config: dict[str, Any]) -> None:
    """A new visit: nothing in memory is known of earlier ones."""
    modelden.configure(**config)


async def visit(config: dict[str, Any], request: dict[str, Any], texts: list[str] | None = None) -> dict[str, Json]:
    """Create an engine on a new visit, run it, close it; tell how that ended."""
    configure(config)
    events: list[modelden.ProgressEvent] = []
    try:
        async with await modelden.create_engine(**request, on_progress=events.append) as engine:
            tensor = await engine.run(TEXTS if texts is None else texts, pooling="mean", normalize=True)
            identity = [engine.engine_id, engine.task_name, engine.model_id, engine.model_revision]
            info = engine.info()
    except modelden.ModelDenError as error:
        return {"error": error_fields(error), "events": [asdict(event) for event in events]}
    return {
        "error": None,
        "events": [asdict(event) for event in events],
        "vectors": tensor.tolist(),
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "engine": identity,
        "info": info,
        "foreign": foreign([tensor.tolist(), tensor.shape, identity, info, events]),
    }


async def cancelled_visit(config: dict[str, Any], request: dict[str, Any], at: str) -> str:
    """Cancel `create_engine` at the first bytes of the file whose URL contains ``at``; returns how it ended."""
    configure(config)
    arrived = asyncio.Event()

    def notice(event: modelden.ProgressEvent) -> None:
        if at in event.id and event.total_loaded:
            arrived.set()

    creating = asyncio.ensure_future(modelden.create_engine(**request, on_progress=notice))
    # Whichever comes first: a creation that fails must fail the test, not hang it.
    waiting = asyncio.ensure_future(arrived.wait())
    await asyncio.wait({creating, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    creating.cancel()
    try:
        await creating
    except asyncio.CancelledError:
        return "cancelled"
    return "created"


async def run_often(config: dict[str, Any], request: dict[str, Any], times: int) -> int:
    """Run one engine that writes so often, with a callback; how often that was called."""
    configure(config)
    chunks: list[modelden.Chunk] = []
    async with await modelden.create_engine(**request) as engine:
        for _ in range(times):
            await engine.run("Hello", on_token=chunks.append, max_new_tokens=2, eos_token_id=-1)
    return len(chunks)


async def create_often(config: dict[str, Any], request: dict[str, Any], times: int) -> None:
    """Create and close an engine so often."""
    configure(config)
    for _ in range(times):
        async with await modelden.create_engine(**request):
            pass


async def cancel_often(config: dict[str, Any], request: dict[str, Any], at: str, times: int) -> list[str]:
    """Do `cancelled_visit` so often; the ways in which they ended."""
    return sorted({await cancelled_visit(config, request, at) for _ in range(times)})


async def vectors_one_by_one(config: dict[str, Any], request: dict[str, Any], texts: list[str]) -> list[list[float]]:
    """The vector of each text, each asked alone: with q8 a batch's texts change each other's."""
    configure(config)
    async with await modelden.create_engine(**request) as engine:
        return [(await engine.run([text], pooling="mean", normalize=True)).tolist()[0] for text in texts]


async def get_file(root_url: str, model: str, revision: str, file: str) -> dict[str, Json]:
    """`ModelHub.get_model_file` of a hub that needs no settings; the bytes are hashed here again."""
    global progress_events  # noqa: PLW0603  the page's own state
    events: list[modelden.ProgressEvent] = []
    progress_events = events
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    try:
        got = await hub.get_model_file(
            task_name="task", model=model, revision=revision, file=file, on_progress=events.append
        )
    except modelden.ModelDenError as error:
        return {"error": error_fields(error)}
    return {
        "error": None,
        "size": got.size,
        "sha256": await sha256_of(got.blob),
        "noted": got.sha256,
        "integrity": got.integrity,
        "types": sorted({event.type for event in events}),
        "foreign": foreign(dict(got.headers)),
    }


async def get_snapshot(root_url: str, model: str, revision: str) -> dict[str, Json]:
    """`modelden.snapshot_download` of a hub that needs no settings: the files' paths and hashes."""
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    try:
        files = await modelden.snapshot_download(model, revision=revision, hub=hub)
    except modelden.ModelDenError as error:
        return {"error": error_fields(error)}
    return {"error": None, "files": {file.path: file.sha256 for file in files}}


async def hold_file(root_url: str, model: str, revision: str, file: str) -> None:
    """`ModelHub.get_model_file` of such a hub; the bytes are not read yet."""
    global held  # noqa: PLW0603  the page's own state
    hub = modelden.ModelHub(root_url, "{model}/{revision}", [])
    held = await hub.get_model_file(task_name="task", model=model, revision=revision, file=file)


async def read_held() -> str:
    """SHA-256 of the bytes of `hold_file`."""
    return await sha256_of(held.blob)


async def begin_file(root_url: str, model: str, revision: str, file: str) -> None:
    """Begin `get_file` and leave it running."""
    global download  # noqa: PLW0603  the page's own state
    download = asyncio.ensure_future(get_file(root_url, model, revision, file))


def bytes_so_far() -> int:
    """The bytes that `begin_file` has received."""
    return max((event.total_loaded or 0 for event in progress_events), default=0)


async def end_file() -> dict[str, Json]:
    """The result of `begin_file`."""
    return await download


async def cancel_file() -> str:
    """Cancel `begin_file`; returns how it ended."""
    download.cancel()
    try:
        await download
    except asyncio.CancelledError:
        return "cancelled"
    return "ended"


async def begin_engine(config: dict[str, Any], request: dict[str, Any]) -> Json:
    """Create an engine and leave it open; returns the vectors of `run_begun`."""
    global open_engine  # noqa: PLW0603  the page's own state
    configure(config)
    open_engine = await modelden.create_engine(**request)
    return await run_open_engine()


async def run_open_engine() -> Json:
    """Run the engine of `begin_engine`."""
    return (await open_engine.run(TEXTS, pooling="mean", normalize=True)).tolist()


def open_engine_status() -> str:
    """Return the status of the engine of `begin_engine`."""
    return open_engine.status


async def end_engine() -> None:
    """Close the engine of `begin_engine`."""
    await open_engine.close()


async def models() -> list[Json]:
    """`ModelHub.list_models`, with the files of each model."""
    hub = modelden.ModelHub()
    listed = []
    for model in await hub.list_models():
        files = await hub.list_files(model=model.name, revision=model.revision)
        listed.append({**asdict(model), "files_kept": [asdict(file) for file in files], "foreign": foreign(files)})
    return listed


async def churn(config: dict[str, Any], request: dict[str, Any], times: int) -> dict[str, Json]:
    """Create three engines while something deletes a database so often, then run them."""
    configure(config)
    deleting = asyncio.ensure_future(_delete_databases(times))
    creating = (modelden.create_engine(**request, engine_id=f"engine-{number}") for number in range(3))
    engines = await asyncio.gather(*creating)
    deletions = await deleting
    shapes = [(await engine.run(TEXTS, pooling="mean", normalize=True)).shape for engine in engines]
    for engine in engines:
        await engine.close()
    return {"shapes": shapes, "deletions": deletions}


async def _delete_databases(times: int) -> dict[str, int]:
    from js import indexedDB

    from modelden._js.indexeddb_transaction import wait_for_event

    ends = {"success": 0}
    for number in range(times):
        name = ("modelFiles", "remote-settings", "modelden")[number % 3]
        await wait_for_event(indexedDB.deleteDatabase(name), "success", "error")
        ends["success"] += 1
        await asyncio.sleep(0.02)
    return ends


async def delete(model: str, revision: str) -> None:
    """`ModelHub.delete_models`."""
    await modelden.ModelHub().delete_models(model=model, revision=revision)


async def verify_model(model: str, revision: str) -> list[bool]:
    """`ModelHub.verify`: whether each file is whole."""
    return [file.ok for file in await modelden.ModelHub().verify(model=model, revision=revision)]


async def where_it_is_kept(config: dict[str, Any]) -> Json:
    """`storage_info` of a new visit, and the warnings that it comes with."""
    configure(config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        info = await modelden.storage_info()
    return {**asdict(info), "foreign": foreign(info), "warnings": [warning.category.__name__ for warning in caught]}


async def visit_without_room(config: dict[str, Any], request: dict[str, Any]) -> dict[str, Json]:
    """`visit`, what it warned of, and where `storage_info` says that things are kept then."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = await visit(config, request)
    info = await modelden.storage_info()
    warned = [warning.message for warning in caught if isinstance(warning.message, modelden.StorageWarning)]
    shortages = [error for each in warned if isinstance(error := each.error, modelden.QuotaExceeded)]
    return {
        **outcome,
        "backend": info.backend,
        "refusal": info.refusal,
        "warnings": len(warned),
        "shortages": [{"usage": each.usage, "quota": each.quota, "needed": each.needed} for each in shortages],
    }


async def start_engine(wasm_url: str, options: dict[str, Any], start_timeout: float) -> Json:
    """Drive `JsEngineHost` alone: a worker, a runtime of any build, files from the hub as they are."""
    from js import fetch

    from modelden._js.engine_host import JsEngineHost
    from modelden.ports import WorkerSpec

    async def blob_at(url: str) -> JsBlob | None:
        response = await fetch(url)
        return JsBlob(await response.blob()) if response.ok else None

    wasm = await blob_at(wasm_url)
    if wasm is None:
        raise AssertionError(wasm_url)
    worker = JsEngineHost(start_timeout, None).start(
        WorkerSpec("engine-5.js", "ort-wasm-simd-threaded.jsep.mjs", await sha256_of(wasm), 1)
    )
    try:
        await worker.create(options, wasm, blob_at, {})
    except modelden.ModelDenError as error:
        return error_fields(error)
    finally:
        worker.close()
    return None


async def keep_contract(subject: str, case: str, base: str) -> None:
    """Run one case of ``tests/contracts`` over the browser."""
    from importlib import import_module

    from js import Blob
    from pyodide.ffi import to_js

    from modelden._js.connection import connect
    from modelden.config import Configuration

    ports = connect(Configuration())
    keep = getattr(import_module(f"contracts.{subject}"), case)  # pushed by the test
    match subject:
        case "crypto":
            await keep(ports.crypto)
        case "database":
            await keep(ports.databases, lambda data: JsBlob(Blob.new(to_js([to_js(data)]))))
        case "fetcher":
            await keep(ports.fetcher, base)
        case "locks":
            await keep(ports.locks)
        case "presence":
            await keep(ports.locks, ports.presence)


async def live_page_ids() -> Json:
    """The ids of the live pages of this origin."""
    from modelden._js.web_locks import JsPresence

    ids = await JsPresence().live_page_ids()
    return None if ids is None else sorted(ids)


def foreign(value: object, path: str = "result") -> list[str]:
    """The places of JavaScript's own values in a result, which has to be plain Python data."""
    if isinstance(value, JsProxy | JsNull):
        return [f"{path}: {type(value).__name__}"]
    if is_dataclass(value):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        pairs = [(f"{path}[{key!r}]", part) for key, part in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(f"{path}[{index}]", part) for index, part in enumerate(value)]
    else:
        return []
    return [found for place, part in pairs for found in foreign(part, place)]


def error_fields(error: modelden.ModelDenError) -> dict[str, Json]:
    facts = {name: value for name, value in vars(error).items() if not name.startswith("_")}
    return {
        "name": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "facts": {name: value for name, value in facts.items() if isinstance(value, str | int | None)},
        "foreign": foreign(facts),
    }


async def origins() -> dict[str, list[str]]:
    """Tell of each module of modelden whether an earlier visit had compiled it; not of the few that come before."""
    found: dict[str, list[str]] = {"kept": [], "compiled": []}
    for name, module in list(sys.modules.items()):
        if isinstance(getattr(module.__spec__, "loader", None), bytecode_cache.CachedLoader):
            found["compiled" if name in bytecode_cache.compiled else "kept"].append(name)
    return found


async def change(module: str, line: str) -> None:
    """Add a line to a module's source, before it is imported, as the wheel of another version would have it."""
    package, _, name = module.rpartition(".")
    source = Path(str(import_module(package).__file__)).with_name(f"{name}.py")
    source.write_text(f"{source.read_text('utf-8')}\n{line}\n", "utf-8")
    (record,) = Path(str(modelden.__file__)).parents[1].glob("modelden-*.dist-info/RECORD")
    record.write_text(f"{record.read_text('utf-8')}changed\n", "utf-8")


async def attribute(module: str, name: str) -> Json:
    """Return what a module has under a name."""
    return getattr(import_module(module), name)


async def diagnose(config: dict[str, Any]) -> list[Json]:
    """`modelden.doctor` on a new visit: the fields of its findings."""
    configure(config)
    diagnosis = await modelden.doctor()
    return [[each.subject, each.verdict, each.text, each.advice] for each in diagnosis.findings]
