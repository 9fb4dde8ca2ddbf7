"""A worker that loads models: their files, its start timeout, and the watch for its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import js

from modelden._js.blobs import js_blob
from modelden._js.death_watch import DeathWatch
from modelden._js.ffi import js_object
from modelden._js.timers import JsClock, JsTimers
from modelden._js.worker import WorkerPort
from modelden._js.worker_replies import Reply
from modelden._js.worker_scripts import Script
from modelden.core.awake_timer import AwakeTimer
from modelden.errors import DeviceLost, EngineError, EngineTimeout, ModelDenError
from modelden.ports import Blob, FileProvider, WorkerSpec

if TYPE_CHECKING:
    from modelden._js.early_worker import EarlyScript

logger = logging.getLogger(__name__)

ENGINE = 0
"""Stands for the pipeline of a worker where a raw model has a number."""

_ANSWER_TIMEOUT = 30.0
"""Seconds in which a worker that may have ended has to answer. A worker that runs a model answers after the run."""


class ModelWorker:
    """A worker of ``web/worker/engine.ts`` for a pipeline or for raw models.

    Attributes:
        port: Its requests and replies.
    """

    def __init__(
        self, spec: WorkerSpec, worker_url: str | None, start_timeout: float, early: EarlyScript | None = None
    ) -> None:
        """Start the worker, without a model.

        Args:
            spec: Its script and its runtime.
            worker_url: URL of the folder with the workers' scripts; None for the wheel's own.
            start_timeout: Seconds between signs of life while it loads.
            early: A worker of this specification that runs already; None to start one.

        Raises:
            WorkerRefused: If the browser refuses it at once.
        """
        self._script = script = early or Script(spec.bundle, worker_url)
        self._spec = spec
        self._start_timeout = start_timeout
        self.port = WorkerPort(script, self._on_event)
        self._files: dict[int, FileProvider] = {}
        self._loads = 0
        self._is_hashed = False
        self._file_requests: set[asyncio.Task[None]] = set()
        self._life_timer: AwakeTimer | None = None
        self._death_watch: DeathWatch | None = None
        self._has_answered = asyncio.Event()
        for event in () if early is None else early.events:
            self.port.receive(event)

    async def load(
        self, model: str, wasm: Blob | None, files: FileProvider, session: int = ENGINE, /, **message: Any
    ) -> Reply:
        """Send the message that loads a model, and wait for its end.

        Args:
            model: The model's name in errors.
            wasm: The runtime's WASM file; None for what needs no runtime.
            files: Called for each file.
            session: The number of the raw model; `ENGINE` for a pipeline.
            **message: The other members of the message.

        Raises:
            EngineTimeout: If the worker gives no sign of life for too long.
            EngineError: As `WorkerPort.request`.
        """
        self._files[session] = files
        self._loads += 1
        self._watch_life(model)
        runtime = {} if wasm is None else {"runtime": self._runtime(wasm)}
        loading = self.port.request(**runtime, **message)
        try:
            if wasm is None or _has_webcrypto() or self._is_hashed:
                return await loading
            return await self._load_and_hash(loading, wasm)
        finally:
            self._loads -= 1
            if not self._loads:
                self._stop_watching()

    async def _load_and_hash(self, loading: Coroutine[Any, Any, Reply], wasm: Blob) -> Reply:
        """Hash the WASM file here, where the browser cannot: in a page without https."""
        from modelden.core.response_body import sha256_of

        task = asyncio.ensure_future(loading)
        try:
            if (actual := await sha256_of(wasm)) != self._spec.wasm:
                raise EngineError(f"the stored runtime is damaged: expected SHA-256 {self._spec.wasm}, found {actual}")
            self._is_hashed = True
            return await task
        finally:
            task.cancel()

    def release(self, session: int) -> None:
        """Free a raw model. It is asked for no file any more."""
        self._files.pop(session, None)
        if not self.port.has_ended:
            self.port.post_or_end(type="release", session=session)

    def close(self) -> None:
        """End the worker and its tasks."""
        self._stop_watching()
        if self._death_watch is not None:
            self._death_watch.end()
        for request in self._file_requests:
            request.cancel()
        self.port.close()

    def _runtime(self, wasm: Blob) -> Any:
        return js_object(wasm=js_blob(wasm), sha256=self._spec.wasm, glue=self._script.beside(self._spec.glue))

    def _watch_life(self, model: str) -> None:
        """End the worker after a silence of ``start_timeout``. File requests stop the clock, and so does a sleep."""

        def end() -> None:
            if self._file_requests:
                self._watch_life(model)
            else:
                self.port.close(
                    EngineTimeout(
                        f"The engine gave no sign of life for {self._start_timeout:g} s while it loaded {model}. Its "
                        "runtime may not fit, or the device is too slow: try again, or raise start_timeout in "
                        "modelden.configure()."
                    )
                )

        self._stop_watching()
        self._life_timer = AwakeTimer(JsTimers(), JsClock(), self._start_timeout, end)

    def _stop_watching(self) -> None:
        if self._life_timer is not None:
            self._life_timer.cancel()
            self._life_timer = None

    def _note_life(self) -> None:
        if self._life_timer is not None:
            self._life_timer.restart()

    def _on_event(self, kind: str, message: Any) -> None:
        self._note_life()
        if kind == "need":
            request = asyncio.ensure_future(self._provide_file(message.id, message.session, message.url))
            self._file_requests.add(request)
            request.add_done_callback(self._on_file_provided)
        elif kind == "alive":
            self._death_watch = DeathWatch(message.lock, self._answers, self._on_death)
        elif kind == "pong":
            self._has_answered.set()
        elif kind == "lost":
            self.port.close(DeviceLost(message.reason))

    async def _answers(self) -> bool:
        """Return True if the worker answers in time."""
        self._has_answered.clear()
        try:
            self.port.post(type="ping")
            await asyncio.wait_for(self._has_answered.wait(), _ANSWER_TIMEOUT)
        except (EngineError, TimeoutError):
            return False
        return True

    def _on_death(self) -> None:
        self.port.crash("it does not run any more; the browser may have ended it for lack of memory")

    def _on_file_provided(self, request: asyncio.Task[None]) -> None:
        self._file_requests.discard(request)
        self._note_life()

    async def _provide_file(self, number: int, session: int, url: str) -> None:
        try:
            message = await self._file_message(session, url)
        except Exception as error:
            # The worker would wait for the file until its load times out. So it is ended, and the load fails at once.
            logger.exception("An engine's worker could not be given %s.", url)
            self.port.close(_fault(f"The engine could not be given {url}", error))
        else:
            self.port.post_or_end(type="file", id=number, **message)

    async def _file_message(self, session: int, url: str) -> dict[str, Any]:
        if session not in self._files:  # its load was cancelled
            return {"missing": True}
        try:
            blob = await self._files[session](url)
        except ModelDenError as error:
            return {"error": str(error)}
        return {"missing": True} if blob is None else {"blob": js_blob(blob)}


def _fault(what: str, error: Exception) -> EngineError:
    return EngineError(f"{what} (a fault of modelden's: {error!r}); please report it")


def _has_webcrypto() -> bool:
    """Return False in a page without https."""
    return bool(getattr(js.crypto, "subtle", None))
