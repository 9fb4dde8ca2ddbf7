"""`ports.EngineHost`: workers that run a pipeline (``web/worker/engine.ts``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelden._js.blobs import js_blob
from modelden._js.convert import js_buffers
from modelden._js.media import JsMedia
from modelden._js.model_worker import ModelWorker
from modelden._js.worker_scripts import Script
from modelden.engine.inputs import Inputs, prepare_options
from modelden.engine.streaming import Chunk, Streaming
from modelden.engine.values import decode_reply, encode_call
from modelden.errors import EngineClosed, EngineCrashed, EngineError, EngineTimeout, WorkerRefused
from modelden.ports import Blob, FileProvider


class JsEngineHost:
    """Starts engine workers."""

    def __init__(self, start_timeout: float, worker_url: str | None) -> None:
        """Engines have ``start_timeout`` seconds between signs of life while they load."""
        self._start_timeout = start_timeout
        self._worker_url = worker_url

    def start(self, bundle: str) -> JsEngineWorker:
        """Start a worker with a bundle of this package."""
        return JsEngineWorker(ModelWorker(Script(bundle, self._worker_url), self._start_timeout))


class JsEngineWorker:
    """A worker that holds one loaded model."""

    def __init__(self, worker: ModelWorker) -> None:
        """Adopt a worker that has no model yet."""
        self._worker = worker
        self._task = ""
        self._inputs: Inputs | None = None

    async def create(self, options: Mapping[str, Any], wasm: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Load the model."""
        model, text = str(options.get("modelId")), json.dumps(dict(options))
        try:
            told = await self._worker.load(model, files, type="create", json=text, wasm=js_blob(wasm))
        except (EngineCrashed, EngineClosed, EngineTimeout, WorkerRefused):
            raise
        except EngineError as error:
            # In Firefox onnxruntime-web gives no reason for a file that is no model; so name it, and the way out.
            raise EngineError(
                f"The engine could not load {model} {options.get('modelRevision')}: {error}. "
                "If what is kept of it is damaged, ModelHub().delete_models() removes it; then try again."
            ) from error
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
        reply = await self._worker.port.request(
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
        self._worker.port.watch(on_crash)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
