"""Functions in the page for `test_browser_errors`: calls that the browser refuses, made through the adapters.

Each returns the error's name and message, for which a call that succeeds has none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import js

import modelden
from modelden._js.blobs import JsBlob
from modelden._js.engine_host import JsEngineHost
from modelden._js.indexeddb import JsDatabase, JsDatabases
from modelden._js.indexeddb_connection import open_connection
from modelden._js.indexeddb_transaction import RequestFailed, wait_for_event
from modelden._js.media import JsMedia
from modelden._js.trust import TrustWorker
from modelden._js.web_locks import JsLocks
from modelden.core.response_body import sha256_of
from modelden.engine.media import File
from modelden.ports import Delete, Put, Schema, Store, Unchanged, WorkerSpec

type Json = Any

SCHEMA = Schema("errors", 1, {"notes": Store("id")})

ROW = {"id": "a", "n": 1}

WAITING: list[asyncio.Future[Json]] = []


async def error_of(awaitable: Awaitable[object]) -> Json:
    """The name and the message of the error that it ends with."""
    try:
        await awaitable
    except modelden.ModelDenError as error:
        return [type(error).__name__, str(error)]
    return None


async def lock_of_a_removed_frame(*, wait: bool) -> Json:
    """Ask a frame's LockManager for a lock when the frame is gone."""
    js_locks = js.frameLocks
    locks = JsLocks(js_locks)

    async def hold() -> None:
        async with locks.hold("lock") if wait else locks.try_hold("lock"):
            raise AssertionError

    return await error_of(hold())


async def read_removed_file(way: str) -> Json:
    """Read a file of the origin private file system that was removed since."""
    root = await js.navigator.storage.getDirectory()
    handle = await root.getFileHandle("removed", _object(create=True))
    writable = await handle.createWritable()
    await writable.write("[1]" * 1000)
    await writable.close()
    blob = JsBlob(await handle.getFile())
    await root.removeEntry("removed")

    async def chunks() -> None:
        async for chunk in blob.chunks():
            list(chunk.buffers())

    match way:
        case "read":
            return await error_of(blob.read())
        case "chunks":
            return await error_of(chunks())
        case "is_json":
            return await error_of(blob.is_json())
        case _:
            return await error_of(JsMedia().decode(File(blob), 16_000))


async def database() -> JsDatabase:
    """The database of this module."""
    return await JsDatabases().open(SCHEMA)


async def read_unknown_store() -> Json:
    """Read what the schema does not have."""
    return await error_of((await database()).get("unknown", "a"))


async def read_many_of_unknown_store() -> Json:
    """Read what the schema does not have."""
    return await error_of((await database()).get_many([("notes", "a"), ("unknown", "a")]))


async def read_unknown_index() -> Json:
    """Read by an index that the schema does not have."""
    return await error_of((await database()).get_all("notes", index="unknown", key="a"))


async def write_without_key() -> Json:
    """Write a row that has no key."""
    return await error_of((await database()).commit([Put("notes", {"no": "key"})]))


async def aborted_transaction() -> Json:
    """Wait for a transaction that a script aborts: its error is null."""
    await database()
    request = js.indexedDB.open("errors")
    js_database = await wait_for_event(request, "success", "error")
    transaction = js_database.transaction("notes", "readwrite")
    transaction.objectStore("notes").get("a")
    transaction.abort()
    try:
        await wait_for_event(transaction, "complete", "abort")
    except RequestFailed as error:
        return [error.name, str(error)]
    finally:
        js_database.close()
    return None


async def begin_commit() -> None:
    """Begin a commit that has a condition and waits for the test's own transaction."""
    notes = await database()
    condition = Unchanged("notes", "a", ROW)
    WAITING.append(asyncio.ensure_future(error_of(notes.commit([Put("notes", {"id": "b"})], condition))))
    await asyncio.sleep(0)


async def cancel_commit() -> str:
    """Cancel `begin_commit`; how it ended."""
    WAITING[0].cancel()
    return type((await asyncio.gather(WAITING.pop(), return_exceptions=True))[0]).__name__


async def end_commit() -> Json:
    """The end of `begin_commit`, by itself."""
    return await WAITING.pop()


async def open_repeatedly() -> None:
    """Begin to open and close the database until `errors_of_openings` is called."""
    openings: list[Json] = []

    async def open_until_stopped() -> Json:
        while len(WAITING) == 1:
            openings.append(await error_of(_open_and_close()))
        return [error for error in openings if error is not None]

    WAITING.append(asyncio.ensure_future(open_until_stopped()))
    await asyncio.sleep(0)


async def errors_of_openings() -> Json:
    """End `open_repeatedly`; the errors of its openings."""
    WAITING.append(WAITING[0])
    errors = await WAITING[0]
    WAITING.clear()
    return errors


async def _open_and_close() -> None:
    js_database = await open_connection(SCHEMA)
    js_database.close()


async def write_one_row() -> None:
    """Leave one row in the database."""
    notes = await database()
    await notes.commit([*(Delete("notes", row["id"]) for row in await notes.get_all("notes")), Put("notes", ROW)])


async def rows() -> Json:
    """All rows of the database."""
    return await (await database()).get_all("notes")


async def fail_to_provide(wasm_url: str, options: dict[str, Any]) -> Json:
    """Load an engine whose files fail with an error that nobody expects."""

    async def provide(url: str) -> JsBlob | None:
        raise ZeroDivisionError(url)

    wasm = JsBlob(await (await js.fetch(wasm_url)).blob())
    spec = WorkerSpec("engine-5.js", "ort-wasm-simd-threaded.jsep.mjs", await sha256_of(wasm), 1)
    worker = JsEngineHost(15, None).start(spec)
    try:
        return await error_of(worker.create(options, wasm, provide, {}))
    finally:
        worker.close()


async def send_what_cannot_be_sent() -> Json:
    """Send a worker a function."""
    return await error_of(TrustWorker(None).request(type="read-chain", pem=js.Boolean))


async def resample_to_one_hertz() -> Json:
    """Ask for a sampling rate that no browser has."""
    context = js.OfflineAudioContext.new(1, 8000, 8000)
    return await error_of(JsMedia().from_audio_buffer(context.createBuffer(1, 8000, 8000), 1))


def _object(**members: Any) -> Any:
    return js.JSON.parse(json.dumps(members))
