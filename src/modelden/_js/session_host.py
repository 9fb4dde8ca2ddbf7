"""`ports.SessionHost`: workers with raw ONNX models (``web/worker/session.ts``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from js import Blob as JavaScriptBlob
from pyodide.ffi import JsException, to_js

from modelden._js.blobs import BLOB_CLASSES, JsBlob, js_blob
from modelden._js.ffi import js_buffers, js_bytes, js_class, js_name, map_exceptions
from modelden._js.model_worker import ModelWorker
from modelden.engine.onnx_errors import InvalidType
from modelden.engine.values import encode_feeds
from modelden.errors import EngineError, InputError
from modelden.ports import Blob, FileProvider, WorkerSpec


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
                return JsBlob(JavaScriptBlob.new(to_js([js_bytes(data)])))
            if class_name.endswith(("ArrayBuffer", "Array")) and class_name != "Array":
                return JsBlob(JavaScriptBlob.new(to_js([data])))
        raise InvalidType(
            f"Unable to load from type '{type(data)}'. A model is its name on the hub, a pathlib.Path, bytes, a Blob, "
            "ArrayBuffer or typed array of the page."
        )


def _no_blob(error: JsException) -> InputError:
    return InputError(f"The browser makes no file of this model ({js_name(error)}: {error}).")


class JsSessionWorker:
    """A worker with raw models."""

    def __init__(self, worker: ModelWorker) -> None:
        self._worker = worker

    @property
    def end_reason(self) -> EngineError | None:
        """The error of requests after the worker was closed, or died; None before."""
        return self._worker.port.end_reason

    async def open(
        self, session: int, options: Mapping[str, Any], wasm: Blob, model: Blob, files: FileProvider
    ) -> Mapping[str, Any]:
        """Open a model."""
        message = {"type": "open", "session": session, "json": json.dumps(dict(options)), "model": js_blob(model)}
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

    def release(self, session: int) -> None:
        """Free a model's memory."""
        self._worker.release(session)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
