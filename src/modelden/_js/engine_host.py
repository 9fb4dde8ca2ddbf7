"""`ports.EngineHost`: engine workers (``web/worker/engine.ts``), their wishes for files, a watch over their start."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelden._js.blobs import js_blob
from modelden._js.convert import js_buffers
from modelden._js.liveness import DeathWatch
from modelden._js.media import JsMedia
from modelden._js.timers import JsTimers
from modelden._js.worker import WorkerPort
from modelden.engine.inputs import Inputs, prepare_options
from modelden.engine.streaming import Chunk, Streaming
from modelden.engine.values import decode_reply, encode_call
from modelden.errors import EngineClosed, EngineCrashed, EngineError, EngineTimeout, ModelDenError
from modelden.ports import Blob, FileProvider


class JsEngineHost:
    """Starts engine workers."""

    def __init__(self, start_timeout: float) -> None:
        """Engines have ``start_timeout`` seconds between signs of life while they load."""
        self._start_timeout = start_timeout

    def start(self, bundle: str) -> JsEngineWorker:
        """Start a worker with a bundle from the package's assets."""
        return JsEngineWorker(bundle, self._start_timeout)


class JsEngineWorker:
    """A worker that holds one loaded model."""

    def __init__(self, bundle: str, start_timeout: float) -> None:
        """Start the worker; it has no model yet."""
        self._start_timeout = start_timeout
        self._port = WorkerPort(bundle, self._on_event)
        self._files: FileProvider | None = None
        self._task = ""
        self._inputs: Inputs | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._sign()
        self._stop_looking: Callable[[], None] = lambda: None
        self._death: DeathWatch | None = None

    async def create(self, options: Mapping[str, Any], wasm: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Load the model."""
        self._files = files
        self._sign()
        self._look(str(options.get("modelId")))
        try:
            told = await self._port.request(type="create", json=json.dumps(dict(options)), wasm=js_blob(wasm))
        except (EngineCrashed, EngineClosed, EngineTimeout):
            raise
        except EngineError as error:
            # In Firefox onnxruntime-web gives no reason for a file that is no model; so name it, and the way out.
            raise EngineError(
                f"The engine could not load {options.get('modelId')} {options.get('modelRevision')}: {error}. "
                "If what is kept of it is damaged, ModelHub().delete_models() removes it; then try again."
            ) from error
        finally:
            self._stop_looking()
        info: Mapping[str, Any] = decode_reply(told.json, told.buffers)
        self._task = options["task"]
        self._inputs = Inputs(self._task, info["samplingRate"], JsMedia())
        return info

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None
    ) -> tuple[Any, str | None]:
        """Run the model once."""
        if self._inputs is None:
            raise EngineError("a worker was to run before it was told what to load")
        text, buffers = encode_call(
            await self._inputs.prepare(args),
            prepare_options(self._task, options),
            None if streaming is None else streaming.to_message(),
        )
        js_list, js_transfer = js_buffers(buffers)
        reply = await self._port.request(
            type="run",
            json=text,
            buffers=js_list,
            transfer=js_transfer,
            listener=None if streaming is None else lambda chunk: streaming.on_chunk(Chunk.of(chunk)),
            cancel="stop",
        )
        return decode_reply(reply.json, reply.buffers), reply.metrics

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead."""
        self._port.watch(on_crash)

    def close(self) -> None:
        """End the worker and stop what it waits for."""
        self._stop_looking()
        if self._death is not None:
            self._death.end()
        for answer in self._answers:
            answer.cancel()
        self._port.close()

    def _sign(self) -> None:
        self._last_sign = time.monotonic()

    def _look(self, model: str) -> None:
        """See whether there was a sign of life, and look again. Time does not run while files are fetched for it."""
        remaining = self._start_timeout
        if not self._answers:
            remaining += self._last_sign - time.monotonic()
        if remaining > 0:
            self._stop_looking = JsTimers().call_later(int(remaining * 1000) + 1, lambda: self._look(model))
            return
        self._port.close(
            EngineTimeout(
                f"The engine gave no sign of life for {self._start_timeout:g} s while it loaded {model}. Its runtime "
                "may not fit, or the device is too slow: try again, or raise start_timeout in modelden.configure()."
            )
        )

    def _on_event(self, kind: str, message: Any) -> None:
        self._sign()
        if kind == "need":
            answer = asyncio.ensure_future(self._answer(message.id, message.url))
            self._answers.add(answer)
            answer.add_done_callback(self._answered)
        elif kind == "alive":
            self._death = DeathWatch(message.lock, self._died)

    def _died(self) -> None:
        self._port.crash("it is not there any more; the browser may have ended it for lack of memory")

    def _answered(self, answer: asyncio.Task[None]) -> None:
        self._answers.discard(answer)
        self._sign()

    async def _answer(self, number: int, url: str) -> None:
        if self._files is None:
            raise EngineError("a worker asked for a file before it was told what to load")
        try:
            blob = await self._files(url)
        except ModelDenError as error:
            self._port.post(type="file", id=number, error=str(error))
            return
        if blob is None:
            self._port.post(type="file", id=number, missing=True)
        else:
            self._port.post(type="file", id=number, blob=js_blob(blob))
