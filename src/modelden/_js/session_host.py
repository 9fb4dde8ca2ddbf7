"""`ports.SessionHost`: workers with one raw ONNX model each (``web/worker/session.ts``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from js import Blob as JavaScriptBlob
from js import Object
from pyodide.ffi import JsProxy, to_js

from modelden._js.blobs import JsBlob, js_blob
from modelden._js.ffi import js_buffers, js_bytes
from modelden._js.model_worker import ModelWorker
from modelden._js.worker_scripts import Script
from modelden.engine.tensor import Tensor
from modelden.engine.values import decode_reply, encode_feeds
from modelden.errors import InputError
from modelden.ports import Blob, FileProvider


class JsSessionHost:
    """Starts session workers."""

    def __init__(self, start_timeout: float, worker_url: str | None) -> None:
        """A session has ``start_timeout`` seconds between signs of life while it is opened."""
        self._start_timeout = start_timeout
        self._worker_url = worker_url

    def start_session(self, bundle: str, glue: str) -> JsSessionWorker:
        """Start a worker with a bundle and a glue of this package."""
        return JsSessionWorker(ModelWorker(Script(bundle, self._worker_url), glue, self._start_timeout))

    def to_blob(self, data: Any) -> JsBlob:
        """Return bytes, or a ``Blob``, ``ArrayBuffer`` or typed array of the page, as a handle."""
        if isinstance(data, bytes | bytearray | memoryview):
            return JsBlob(JavaScriptBlob.new(to_js([js_bytes(data)])))
        kind = str(Object.prototype.toString.call(data)) if isinstance(data, JsProxy) else ""
        if kind in ("[object Blob]", "[object File]"):
            return JsBlob(data)
        if kind == "[object ArrayBuffer]" or "Array]" in kind.replace("[object Array]", ""):
            return JsBlob(JavaScriptBlob.new(to_js([data])))
        raise InputError(
            "A model is its name on the hub, a pathlib.Path, bytes, or a Blob, ArrayBuffer or typed array of the page, "
            f"not {type(data).__name__}."
        )


class JsSessionWorker:
    """A worker with one raw model."""

    def __init__(self, worker: ModelWorker) -> None:
        """Adopt a worker that has no model yet."""
        self._worker = worker

    async def open(self, options: Mapping[str, Any], wasm: Blob, model: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Open the model."""
        text = json.dumps(dict(options))
        told = await self._worker.load("a model", wasm, files, type="open", json=text, model=js_blob(model))
        info: Mapping[str, Any] = decode_reply(told.json, told.buffers)
        return info

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> dict[str, Tensor]:
        """Run the model once."""
        feeds, buffers = encode_feeds(feed)
        js_list, js_transfer = js_buffers(buffers)
        told = await self._worker.port.request(
            type="infer",
            json=json.dumps({"outputs": list(outputs), "feeds": feeds}),
            buffers=js_list,
            transfer=js_transfer,
        )
        results: dict[str, Tensor] = decode_reply(told.json, told.buffers)
        return results

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
