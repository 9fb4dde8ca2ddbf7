"""A worker that loads one model: given the files that it asks for, given up if it is silent, missed if it dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from modelden._js.blobs import js_blob
from modelden._js.ffi import js_object
from modelden._js.timers import JsTimers
from modelden._js.wasm_compile import CompilingModule
from modelden._js.worker import DeathWatch, Reply, WorkerPort
from modelden._js.worker_scripts import Script
from modelden.errors import DeviceLost, EngineError, EngineTimeout, ModelDenError
from modelden.ports import Blob, FileProvider

_LONGEST_START = 1.0
"""Seconds to wait for a worker's script; who loads a model with it waits for ``start_timeout``."""


class ModelWorker:
    """A worker of ``web/worker/engine.ts``, whether it runs a pipeline or a raw model.

    Attributes:
        port: Its requests and replies.
    """

    def __init__(self, script: Script, glue: str, start_timeout: float) -> None:
        """Start the worker; it has no model yet.

        Args:
            script: What it runs.
            glue: File name of what drives its WASM file.
            start_timeout: Seconds between signs of life while it loads.

        Raises:
            WorkerRefused: If the browser refuses it at once.
        """
        self._script = script
        self._glue = glue
        self._start_timeout = start_timeout
        self._last_sign = time.monotonic()
        self.port = WorkerPort(script, self._on_event)
        self._files: FileProvider | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._stop_looking: Callable[[], None] = lambda: None
        self._death: DeathWatch | None = None
        self._handing_over: asyncio.Task[None] | None = None

    async def load(self, model: str, wasm: Blob, files: FileProvider, /, **message: Any) -> Reply:
        """Send the message that loads a model, and wait for its end.

        Args:
            model: How errors call it.
            wasm: The runtime's WASM file.
            files: Asked for each file.
            **message: The other members of the message.

        Raises:
            EngineTimeout: If the worker gives no sign of life for too long.
            EngineError: As `WorkerPort.request`.
        """
        self._files = files
        self._last_sign = time.monotonic()
        self._look(model)
        try:
            return await self.port.request(runtime=self._runtime(wasm), **message)
        finally:
            self._stop_looking()

    async def start_runtime(self, wasm: CompilingModule, threads: int) -> None:
        """Let the worker start a runtime before it is known what that will run, and return when it has begun to.

        Browsers fetch a worker's script on the page's thread: whatever Python does meanwhile would hold it up.
        """
        self.port.post(type="runtime", glue=self._script.beside(self._glue), numThreads=threads)
        self._handing_over = asyncio.ensure_future(self._hand_over(wasm))
        with suppress(TimeoutError):
            await asyncio.wait_for(self.port.started(), _LONGEST_START)

    def close(self) -> None:
        """End the worker and stop what it waits for."""
        self._stop_looking()
        if self._handing_over is not None:
            self._handing_over.cancel()
        if self._death is not None:
            self._death.end()
        for answer in self._answers:
            answer.cancel()
        self.port.close()

    async def _hand_over(self, wasm: CompilingModule) -> None:
        with suppress(EngineError):  # it ended meanwhile, and says so to whoever uses it
            self.port.post(type="wasm", wasm=await wasm.module_or_file())

    def _runtime(self, wasm: Blob) -> Any:
        return js_object(wasm=js_blob(wasm), glue=self._script.beside(self._glue))

    def _look(self, model: str) -> None:
        """See whether there was a sign of life, and look again. Time does not run while files are fetched for it."""
        remaining = self._start_timeout
        if not self._answers:
            remaining += self._last_sign - time.monotonic()
        if remaining > 0:
            self._stop_looking = JsTimers().call_later(int(remaining * 1000) + 1, lambda: self._look(model))
            return
        self.port.close(
            EngineTimeout(
                f"The engine gave no sign of life for {self._start_timeout:g} s while it loaded {model}. Its runtime "
                "may not fit, or the device is too slow: try again, or raise start_timeout in modelden.configure()."
            )
        )

    def _on_event(self, kind: str, message: Any) -> None:
        self._last_sign = time.monotonic()
        if kind == "need":
            answer = asyncio.ensure_future(self._answer(message.id, message.url))
            self._answers.add(answer)
            answer.add_done_callback(self._answered)
        elif kind == "alive":
            self._death = DeathWatch(message.lock, self._died)
        elif kind == "lost":
            self.port.close(DeviceLost(message.reason))

    def _died(self) -> None:
        self.port.crash("it is not there any more; the browser may have ended it for lack of memory")

    def _answered(self, answer: asyncio.Task[None]) -> None:
        self._answers.discard(answer)
        self._last_sign = time.monotonic()

    async def _answer(self, number: int, url: str) -> None:
        if self._files is None:
            raise EngineError("a worker asked for a file before it was told what to load")
        try:
            blob = await self._files(url)
        except ModelDenError as error:
            self.port.post(type="file", id=number, error=str(error))
            return
        if blob is None:
            self.port.post(type="file", id=number, missing=True)
        else:
            self.port.post(type="file", id=number, blob=js_blob(blob))
