"""The worker of the last visit's engine, started while Python restores its bytecode (`bytecode_cache`).

Each visit compiles this module and its imports, so they are few and short. ``web/boot/early_worker.ts`` does the same
before Python. `early_worker` hands either worker to the first engine.

The guess is made from files that were verified when they were stored. A right guess costs a visit nothing. A wrong one
costs half a second of another core, when settings or the caller want another runtime.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import js
from js import JSON, Array, Promise
from pyodide.ffi import JsException, create_proxy

from modelden._js import early_worker
from modelden._js.ffi import js_object
from modelden._js.wasm_compile import CompilingModule
from modelden._js.worker_scripts import ASSETS, Script
from modelden.engine.last_engine import find_last_engine

if TYPE_CHECKING:
    from modelden.config import Configuration

logger = logging.getLogger(__name__)

_READ_TIMEOUT = 3.0
"""Most seconds for the stored rows. Behind a deletion that another script blocks, an opening waits for ever."""

_SCRIPT_TIMEOUT = 1.0
"""Most seconds that `start_last_worker` waits for the worker's script."""

_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)
"""The exceptions of rows that another build of modelden, or another script, has stored."""


async def start_last_worker(config: Configuration) -> None:
    """Start the worker that the next engine will want if nothing has changed, and return when its script runs.

    Browsers fetch a worker's script on the page's thread: imports at the same time would delay it. A failure is logged:
    whatever was wrong fails again where the engine is created.
    """
    if early_worker.is_offered():
        return
    try:
        worker = await _start(config)
    except (JsException, TimeoutError, *_UNREADABLE) as error:
        logger.debug("No worker is started ahead: %r", error)
    except Exception as error:
        from modelden.errors import WorkerRefused

        if not isinstance(error, WorkerRefused):  # which the engine's own worker says in full
            logger.exception("No worker is started ahead.")
    else:
        if worker is not None:
            early_worker.offer(worker)
            with suppress(TimeoutError):
                await asyncio.wait_for(worker.started, _SCRIPT_TIMEOUT)


async def _start(config: Configuration) -> LastWorker | None:
    async with asyncio.timeout(_READ_TIMEOUT):
        js_engines, js_attachments = await asyncio.gather(
            _read_rows("modelden", "engines"), _read_rows("remote-settings", "attachments")
        )
    engine = find_last_engine(_plain(js_engines), config.trust_source, time.time_ns() // 1_000_000)
    if engine is None or (script := _find_script(engine.sha256, config.runtime_major)) is None:
        return None
    rows = zip(_plain(js_attachments), js_attachments, strict=True)
    js_wasm = next(
        (
            js_row.attachment.blob
            for row, js_row in rows
            if row["attachment"]["record"]["attachment"]["hash"] == engine.sha256
            and js_row.attachment.blob.size == engine.size
        ),
        None,
    )
    return None if js_wasm is None else LastWorker(js_wasm, engine.sha256, engine.threads, *script, config.worker_url)


class LastWorker:
    """A worker that no engine has taken; the members are those of ``EarlyWorker`` in ``web/boot/early_worker.ts``.

    Attributes:
        bundle: File name of its script.
        glue: File name of the JavaScript that was made with its WASM file.
        wasm: SHA-256 of the WASM file.
        threads: Number of threads; 0 for all cores.
        folder: URL of the folder that it was started from; None for the wheel's own.
        url: URL of its script.
        events: Its messages and errors so far, a JavaScript array.
        started: A promise of its first event.
    """

    def __init__(self, js_wasm: Any, sha256: str, threads: int, bundle: str, glue: str, worker_url: str | None) -> None:
        """Start the worker and its runtime.

        Raises:
            WorkerRefused: If the browser refuses it at once.
        """
        self.bundle, self.glue, self.wasm, self.threads, self.folder = bundle, glue, sha256, threads, worker_url
        compiling = CompilingModule(js_wasm)
        script = Script(bundle, worker_url)
        self._js_worker = js_worker = script.start()
        self.url = script.url
        self.events = Array.new()
        js_worker.onmessage = js_worker.onerror = js_worker.onmessageerror = self.events.push.bind(self.events)
        first = Promise.withResolvers()
        for event in ("message", "error"):
            js_worker.addEventListener(event, first.resolve, js_object(once=True))
        self.started = first.promise
        js_worker.postMessage(js_object(type="runtime", glue=script.beside(glue), numThreads=threads))
        self._posting = asyncio.ensure_future(_post_module(js_worker, compiling, js_wasm, sha256))

    def take(self) -> Any:
        """Hand the ``Worker`` over, once. Returns None if it has failed or ended."""
        js_worker, self._js_worker = self._js_worker, None
        if js_worker is None or all(event.type == "message" for event in self.events):
            return js_worker
        js_worker.terminate()
        return None

    def end(self) -> None:
        """End the worker, unless it was taken."""
        js_worker = self.take()
        if js_worker is not None:
            self._posting.cancel()
            js_worker.terminate()
            if self.folder is None:
                js.URL.revokeObjectURL(self.url)


async def _post_module(js_worker: Any, compiling: CompilingModule, js_wasm: Any, sha256: str) -> None:
    message = {"type": "wasm", "wasm": js_wasm, "sha256": sha256}
    try:
        js_worker.postMessage(js_object(module=await compiling.module(), **message))
    except JsException as error:  # then the worker compiles it
        logger.debug("The compiled runtime cannot be sent to a worker: %s", error)
        js_worker.postMessage(js_object(**message))


def _find_script(sha256: str, major: int | None) -> tuple[str, str] | None:
    """Return the names of bundle and glue for a WASM file; None for one that this wheel or this page does not use."""
    for number, runtime in json.loads(ASSETS.joinpath("runtimes.json").read_text("utf-8")).items():
        for file in runtime["files"]:
            if file["sha256"] == sha256 and major in (None, int(number)):
                return runtime["bundle"], file["glue"]
    return None


async def _read_rows(database: str, store: str) -> Any:
    """Return all rows of a store; none of a database that does not exist, which is not created."""
    request = js.indexedDB.open(database)
    opened, read = Promise.withResolvers(), Promise.withResolvers()
    on_upgrade = create_proxy(lambda event: event.target.transaction.abort())
    request.onupgradeneeded = on_upgrade
    request.onsuccess = request.onerror = opened.resolve
    try:
        event = await opened.promise
        event.preventDefault()  # Firefox reports an error otherwise
        if event.type != "success" or not request.result.objectStoreNames.contains(store):
            return Array.new()
        rows = request.result.transaction(store).objectStore(store).getAll()
        rows.onsuccess = rows.onerror = read.resolve
        await read.promise
        return rows.result
    finally:
        if request.readyState == "pending":
            from modelden._js.indexeddb_connection import abandon

            abandon(request)
        elif (js_database := request.result) is not None:
            js_database.close()
        on_upgrade.destroy()


def _plain(js_rows: Any) -> list[Any]:
    rows: list[Any] = json.loads(JSON.stringify(js_rows))
    return rows
