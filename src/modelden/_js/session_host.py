"""`ports.SessionHost`: workers with one raw ONNX model each (``web/worker/session.ts``)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from js import Blob as JavaScriptBlob
from js import Object
from pyodide.ffi import JsProxy, to_js

from modelden._js.blobs import JsBlob, js_blob
from modelden._js.convert import js_buffers, js_bytes
from modelden._js.worker import WorkerPort
from modelden.engine.tensor import Tensor
from modelden.engine.values import decode_reply, encode_feeds
from modelden.errors import EngineError, EngineTimeout, InputError, ModelDenError
from modelden.ports import Blob, FileProvider


class JsSessionHost:
    """Starts session workers."""

    def __init__(self, start_timeout: float) -> None:
        """A session has ``start_timeout`` seconds between signs of life while it is opened."""
        self._start_timeout = start_timeout

    def start_session(self, bundle: str) -> JsSessionWorker:
        """Start a worker with a bundle from the package's assets."""
        return JsSessionWorker(bundle, self._start_timeout)

    def blob(self, data: Any) -> JsBlob:
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

    def __init__(self, bundle: str, start_timeout: float) -> None:
        """Start the worker; it has no model yet."""
        self._start_timeout = start_timeout
        self._port = WorkerPort(bundle, self._on_event)
        self._files: FileProvider | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._limit: asyncio.Timeout | None = None

    async def open(self, options: Mapping[str, Any], wasm: Blob, model: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Open the model."""
        self._files = files
        text = json.dumps(dict(options))
        try:
            async with asyncio.timeout(self._start_timeout) as self._limit:
                told = await self._port.request(type="open", json=text, wasm=js_blob(wasm), model=js_blob(model))
        except TimeoutError as error:
            raise EngineTimeout(
                f"The session gave no sign of life for {self._start_timeout:g} s while it was opened. Its runtime may "
                "not fit, or the device is too slow: try again, or raise start_timeout in modelden.configure()."
            ) from error
        finally:
            self._limit = None
        info: Mapping[str, Any] = decode_reply(told.json, told.buffers)
        return info

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> dict[str, Tensor]:
        """Run the model once."""
        feeds, buffers = encode_feeds(feed)
        js_list, js_transfer = js_buffers(buffers)
        told = await self._port.request(
            type="infer",
            json=json.dumps({"outputs": list(outputs), "feeds": feeds}),
            buffers=js_list,
            transfer=js_transfer,
        )
        results: dict[str, Tensor] = decode_reply(told.json, told.buffers)
        return results

    def close(self) -> None:
        """End the worker."""
        for answer in self._answers:
            answer.cancel()
        self._port.close()

    def _on_event(self, kind: str, message: Any) -> None:
        if kind == "need":
            self._extend(None)  # time does not run while files are fetched
            answer = asyncio.ensure_future(self._answer(message.id, message.url))
            self._answers.add(answer)
            answer.add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Task[None]) -> None:
        self._answers.discard(answer)
        if not self._answers:
            self._extend(self._start_timeout)

    def _extend(self, seconds: float | None) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    async def _answer(self, number: int, path: str) -> None:
        if self._files is None:
            raise EngineError("a worker asked for a file before it was told what to open")
        try:
            blob = await self._files(path)
        except ModelDenError as error:
            self._port.post(type="file", id=number, error=str(error))
            return
        if blob is None:
            self._port.post(type="file", id=number, missing=True)
        else:
            self._port.post(type="file", id=number, blob=js_blob(blob))
