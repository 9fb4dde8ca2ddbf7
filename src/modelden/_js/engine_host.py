"""`ports.EngineHost`: workers that run a pipeline (``web/worker/engine.ts``)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelden._js import early_worker
from modelden._js.blobs import js_blob
from modelden._js.ffi import js_buffers
from modelden._js.model_worker import ModelWorker
from modelden.errors import EngineClosed, EngineCrashed, EngineError, EngineTimeout, WorkerRefused
from modelden.ports import Blob, FileProvider, WorkerSpec

if TYPE_CHECKING:
    from modelden._js.early_worker import EarlyScript
    from modelden.engine.inputs import Inputs
    from modelden.engine.streaming import Chunk, Streaming


class JsEngineHost:
    """Starts engine workers."""

    def __init__(self, start_timeout: float, worker_url: str | None, *, offline: bool = False) -> None:
        """Create a host.

        Args:
            start_timeout: Seconds between signs of life of a worker that loads a model.
            worker_url: URL of the folder with the workers' scripts; None for the wheel's own.
            offline: Inputs are not fetched from URLs.
        """
        self._offline = offline
        self._start_timeout = start_timeout
        self._worker_url = worker_url

    def start(self, spec: WorkerSpec) -> JsEngineWorker:
        """Start a worker, or return the one that was started ahead if it has the same specification."""
        early = early_worker.take(spec)
        worker = self._start(spec, early)
        if early is not None and worker.port.has_ended:  # it was of another build, or it failed
            worker = self._start(spec)
        return JsEngineWorker(worker, offline=self._offline)

    def end_early_worker(self) -> None:
        """End the worker that was started ahead, if no engine took it."""
        early_worker.end()

    def _start(self, spec: WorkerSpec, early: EarlyScript | None = None) -> ModelWorker:
        return ModelWorker(spec, self._worker_url, self._start_timeout, early)


class JsEngineWorker:
    """A worker that holds one loaded model."""

    def __init__(self, worker: ModelWorker, *, offline: bool) -> None:
        self._offline = offline
        self._worker = worker
        self._task = ""
        self._inputs: Inputs | None = None

    async def create(
        self, options: Mapping[str, Any], wasm: Blob | None, files: FileProvider, preloaded: Mapping[str, Blob]
    ) -> Mapping[str, Any]:
        """Load the model."""
        model, text = str(options.get("modelId")), json.dumps(dict(options))
        message = {"type": "create", "json": text, "kept": [[url, js_blob(blob)] for url, blob in preloaded.items()]}
        loading = asyncio.ensure_future(self._worker.load(model, wasm, files, **message))
        try:
            await asyncio.sleep(0)  # the message is sent
            # Imported while the worker loads: what starts a page's first worker imports as little as possible.
            import modelden.engine.values  # noqa: F401  for `Reply.decode`
            from modelden._js.media import JsMedia
            from modelden.engine.inputs import Inputs

            reply = await loading
        except (EngineCrashed, EngineClosed, EngineTimeout, WorkerRefused):
            raise
        except EngineError as error:
            # In Firefox onnxruntime-web gives no reason for a file that is no model; so name it.
            raise EngineError(f"The engine could not load {model} {options.get('modelRevision')}: {error}.") from error
        finally:
            loading.cancel()  # if the caller was cancelled
        info: Mapping[str, Any] = reply.decode()
        self._task = options["task"]
        self._inputs = Inputs(self._task, info.get("samplingRate"), JsMedia(offline=self._offline))
        return info

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None
    ) -> tuple[Any, str | None]:
        """Run the model once."""
        from modelden.engine.inputs import prepare_options
        from modelden.engine.streaming import Chunk
        from modelden.engine.values import encode_call

        if self._inputs is None:
            raise EngineError("a worker was to run before its model was loaded")
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
        return reply.decode(), reply.metrics

    async def chat(
        self, turn: Mapping[str, Any], on_chunk: Callable[[Chunk], None] | None = None
    ) -> tuple[Any, str | None]:
        """Take one turn of a chat."""
        from modelden.engine.streaming import Chunk

        reply = await self._worker.port.request(
            type="chat",
            json=json.dumps(dict(turn)),
            listener=None if on_chunk is None else lambda text: on_chunk(Chunk.of(text)),
            cancel="stop",
        )
        return reply.decode(), reply.metrics

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead."""
        self._worker.port.watch(on_crash)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
