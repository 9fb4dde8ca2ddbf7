"""`ports.SessionHost`: workers with one raw ONNX model each (``web/worker/session.ts``)."""

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
from modelden.errors import InputError
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
        """Start a worker for one raw model."""
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
    """A worker with one raw model."""

    def __init__(self, worker: ModelWorker) -> None:
        self._worker = worker

    async def open(self, options: Mapping[str, Any], wasm: Blob, model: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Open the model."""
        text = json.dumps(dict(options))
        reply = await self._worker.load("a model", wasm, files, type="open", json=text, model=js_blob(model))
        info: Mapping[str, Any] = reply.decode()
        return info

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model once."""
        feeds, buffers = encode_feeds(feed)
        js_list, js_transfer = js_buffers(buffers)
        reply = await self._worker.port.request(
            type="infer",
            json=json.dumps({"outputs": list(outputs), "feeds": feeds}),
            buffers=js_list,
            transfer=js_transfer,
            cancel="stop",
        )
        results: dict[str, Any] = reply.decode()
        return results

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
