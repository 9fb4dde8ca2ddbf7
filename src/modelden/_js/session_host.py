"""`ports.SessionHost`: workers with raw ONNX models (``web/worker/session.ts``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from js import Array
from js import Blob as JavaScriptBlob
from pyodide.ffi import JsException, to_js

from modelden._js.blobs import BLOB_CLASSES, JsBlob, js_blob
from modelden._js.ffi import js_buffers, js_bytes, js_class, js_name, js_object, map_exceptions
from modelden._js.model_worker import ModelWorker
from modelden._js.worker import WorkerPort
from modelden._js.worker_replies import Reply
from modelden.engine.onnx_errors import InvalidType
from modelden.engine.tensor_messages import FeedEncoder, ResultDecoder
from modelden.engine.values import encode_feeds
from modelden.errors import EngineError, InputError
from modelden.ports import Blob, FileProvider, InferCallback, WorkerSpec

COPY_SIZE = 32 * 1024 * 1024
"""Bytes up to which a model in memory is copied to its worker. Browsers may keep the Blob of a larger one on disk."""

TRANSFER_SIZE = 64 * 1024
"""Bytes of a feed from which on its buffers are handed over. Less is copied sooner."""


class JsSessionHost:
    """Starts session workers."""

    def __init__(self, start_timeout: float, worker_url: str | None) -> None:
        """Create a host.

        Args:
            start_timeout: Seconds between signs of life of a worker that opens a model.
            worker_url: URL of the folder with the workers' scripts; None for the wheel's own.
        """
        self._start_timeout = start_timeout
        self._worker_url = worker_url

    def start_session(self, spec: WorkerSpec) -> JsSessionWorker:
        """Start a worker for raw models."""
        return JsSessionWorker(ModelWorker(spec, self._worker_url, self._start_timeout))

    def to_blob(self, data: Any) -> JsBlob:
        """Return bytes, or a ``Blob``, ``ArrayBuffer`` or typed array of the page, as a handle."""
        if isinstance(data, JsBlob):
            return data
        class_name = js_class(data)
        if class_name in BLOB_CLASSES:
            return JsBlob(data)
        with map_exceptions(_no_blob):
            if isinstance(data, bytes | bytearray | memoryview):
                js_array = js_bytes(data)
                is_small = js_array.byteLength <= COPY_SIZE
                return _ModelBytes(js_array) if is_small else JsBlob(JavaScriptBlob.new(Array.of(js_array)))
            if class_name.endswith(("ArrayBuffer", "Array")) and class_name != "Array":
                return JsBlob(JavaScriptBlob.new(Array.of(data)))
        raise InvalidType(
            f"Unable to load from type '{type(data)}'. A model is its name on the hub, a pathlib.Path, bytes, a Blob, "
            "ArrayBuffer or typed array of the page."
        )


class _Messages:
    """The messages of one model's runs: one JavaScript object, sent again and again."""

    def __init__(self, session: int) -> None:
        self._encoder = FeedEncoder()
        self._decoder = ResultDecoder()
        self._js_message = js_object(type="infer", session=session)
        self._text = ""

    def start(
        self, port: WorkerPort, outputs: Sequence[str], feed: Mapping[str, Any], on_end: InferCallback
    ) -> Callable[[], object] | None:
        """Send one feed; as `ports.SessionWorker.start_infer`."""
        encoded = self._encoder.encode(outputs, feed)
        if encoded is None:
            return None
        text, buffers = encoded
        if text is not self._text:
            self._text = self._js_message.json = text
        self._js_message.buffers = js_list = to_js(buffers)
        is_large = sum(map(len, buffers)) >= TRANSFER_SIZE
        transfer = to_js([js_array.buffer for js_array in js_list]) if is_large else None

        def end(reply: Reply | None, error: EngineError | None) -> None:
            results = None
            if reply is not None:
                try:
                    results = self._decode(reply)
                except EngineError as unreadable:
                    error = unreadable
            on_end(results, error)

        try:
            return port.start(self._js_message, transfer, end)
        finally:
            self._js_message.buffers = None

    def _decode(self, reply: Reply) -> Mapping[str, Any]:
        results = self._decoder.decode(reply.json, reply.buffers)
        if results is None:
            [results] = reply.decode()
        return results


class _ModelBytes(JsBlob):
    """A small model in memory, of which each worker gets a copy.

    A Blob of it takes Chromium longer to make, and its worker longer to read, than onnxruntime to open the model.
    """

    def __init__(self, js_array: Any) -> None:
        self.js_array = js_array

    @cached_property
    def js_blob(self) -> Any:
        return JavaScriptBlob.new(Array.of(self.js_array))

    @property
    def size(self) -> int:
        return int(self.js_array.byteLength)


def _no_blob(error: JsException) -> InputError:
    return InputError(f"The browser makes no file of this model ({js_name(error)}: {error}).")


class JsSessionWorker:
    """A worker with raw models."""

    def __init__(self, worker: ModelWorker) -> None:
        self._worker = worker
        self._runs: dict[int, _Messages] = {}

    @property
    def end_reason(self) -> EngineError | None:
        """The error of requests after the worker was closed, or died; None before."""
        return self._worker.port.end_reason

    async def open(
        self, session: int, options: Mapping[str, Any], wasm: Blob | None, model: Blob, files: FileProvider
    ) -> Mapping[str, Any]:
        """Open a model."""
        js_model = model.js_array if isinstance(model, _ModelBytes) else js_blob(model)
        message = {"type": "open", "session": session, "json": json.dumps(dict(options)), "model": js_model}
        reply = await self._worker.load("a model", wasm, files, session, **message)
        info: Mapping[str, Any] = reply.decode()
        return info

    async def infer(
        self, session: int, outputs: Sequence[str], feeds: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Run a model once for each of the feeds."""
        encoded, buffers = encode_feeds(feeds)
        js_list, js_transfer = js_buffers(buffers)
        reply = await self._worker.port.request(
            type="infer",
            session=session,
            json=json.dumps({"outputs": list(outputs), "feeds": encoded}),
            buffers=js_list,
            transfer=js_transfer,
            cancel="stop",
        )
        results: list[dict[str, Any]] = reply.decode()
        return results

    def start_infer(
        self, session: int, outputs: Sequence[str], feed: Mapping[str, Any], on_end: InferCallback
    ) -> Callable[[], object] | None:
        """Run a model once, without suspending."""
        run = self._runs.get(session)
        if run is None:
            run = self._runs[session] = _Messages(session)
        return run.start(self._worker.port, outputs, feed, on_end)

    def release(self, session: int) -> None:
        """Free a model's memory."""
        self._runs.pop(session, None)
        self._worker.release(session)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
