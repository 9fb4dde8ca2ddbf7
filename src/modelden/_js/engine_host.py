"""`ports.EngineHost`: engine workers (``web/worker/engine.ts``), their wishes for files, a watch over their start."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from modelden._js.blobs import js_blob
from modelden._js.convert import js_buffers
from modelden._js.media import JsMedia
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
        self._last_sign = time.monotonic()

    async def create(self, options: Mapping[str, Any], wasm: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Load the model."""
        self._files = files
        self._last_sign = time.monotonic()
        request = self._port.request(type="create", json=json.dumps(dict(options)), wasm=js_blob(wasm))
        reply = asyncio.ensure_future(request)
        try:
            while not reply.done():
                await asyncio.wait({reply}, timeout=self._remaining())
                if not reply.done() and self._remaining() <= 0:
                    raise EngineTimeout(
                        f"The engine gave no sign of life for {self._start_timeout:g} s while it loaded "
                        f"{options.get('modelId')}. Its runtime may not fit, or the device is too slow: try again, or "
                        "raise start_timeout in modelden.configure()."
                    )
        finally:
            reply.cancel()
        try:
            text, buffers = reply.result()
        except (EngineCrashed, EngineClosed):
            raise
        except EngineError as error:
            # In Firefox onnxruntime-web gives no reason for a file that is no model; so name it, and the way out.
            raise EngineError(
                f"The engine could not load {options.get('modelId')} {options.get('modelRevision')}: {error}. "
                "If what is kept of it is damaged, ModelHub().delete_models() removes it; then try again."
            ) from error
        info: Mapping[str, Any] = decode_reply(text, buffers)
        self._task = options["task"]
        self._inputs = Inputs(self._task, info["samplingRate"], JsMedia())
        return info

    async def run(self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None) -> Any:
        """Run the model once."""
        if self._inputs is None:
            raise EngineError("a worker was to run before it was told what to load")
        text, buffers = encode_call(
            await self._inputs.prepare(args),
            prepare_options(self._task, options),
            None if streaming is None else streaming.to_message(),
        )
        js_list, js_transfer = js_buffers(buffers)
        reply = self._port.request(
            type="run",
            json=text,
            buffers=js_list,
            transfer=js_transfer,
            listener=None if streaming is None else lambda chunk: streaming.on_chunk(Chunk.of(chunk)),
            cancel="stop",
        )
        return decode_reply(*await reply)

    def close(self) -> None:
        """End the worker and stop what it waits for."""
        for answer in self._answers:
            answer.cancel()
        self._port.close()

    def _remaining(self) -> float:
        """Seconds left without a sign of life. Time does not run while files are fetched for it."""
        if self._answers:
            return self._start_timeout
        return self._last_sign + self._start_timeout - time.monotonic()

    def _on_event(self, kind: str, message: Any) -> None:
        self._last_sign = time.monotonic()
        if kind == "need":
            answer = asyncio.ensure_future(self._answer(message.id, message.url))
            self._answers.add(answer)
            answer.add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Task[None]) -> None:
        self._answers.discard(answer)
        self._last_sign = time.monotonic()

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
