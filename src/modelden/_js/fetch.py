"""`ports.Fetcher` over the browser's fetch."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from js import JSON, ArrayBuffer, Object, Uint8Array, clearTimeout, navigator, setTimeout
from js import fetch as js_fetch
from pyodide.ffi import JsException

from modelden._js.blobs import JsChunk
from modelden._js.ffi import abort_scope, js_object
from modelden.errors import NetworkError, Offline, RedirectRefused, RequestTimeout

CHUNK_SIZE = 1024 * 1024
"""Bytes that are handed on together at most: hashing them takes the page some 5 ms."""

WAIT_SIZE = 256 * 1024
"""Bytes that a fast line is waited for, so that there are few crossings; so many are lost when it breaks."""

WAIT_SECONDS = 0.05
"""Seconds that they may take, judged by the speed so far: on slow lines what came is handed on at once."""

PATIENCE = 1000
"""Milliseconds after which a line that has become slow is not waited for any more: what came is handed on."""


class JsResponse:
    """A fetch ``Response``."""

    def __init__(self, url: str, js_response: Any) -> None:
        """Adopt the answer to a request for ``url``."""
        self._requested = url
        self._js_response = js_response

    @property
    def url(self) -> str:
        """The URL after redirects."""
        return str(self._js_response.url)

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return int(self._js_response.status)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The readable headers, names in lower case, as fetch gives them."""
        # As one text: each crossing of the border costs as much as a header.
        headers: dict[str, str] = json.loads(JSON.stringify(Object.fromEntries(self._js_response.headers)))
        return headers

    async def chunks(self) -> AsyncIterator[JsChunk]:
        """Read the body piece by piece."""
        body = self._js_response.body
        if not body:  # null in Firefox when there can be none: the answer to HEAD
            return
        reader = _Reader(body)
        while True:
            try:
                piece, done = await reader.read()
            except JsException as error:
                raise NetworkError(self._requested, "the connection broke before the end of the file") from error
            if piece:
                yield JsChunk([piece], int(piece.byteLength))
            if done:
                return


def failed_request(url: str) -> NetworkError:
    """Return the error of a request without an answer."""
    # Browsers tell a page nothing more: refused, unknown host and no CORS all look alike. That they know of a network
    # does not mean that there is one, but that they know of none does mean that there is none.
    return NetworkError(url, "the request failed") if navigator.onLine else Offline(url)


class _Reader:
    """Reads a ``ReadableStream`` into one buffer again and again: new ones would pile up until JavaScript looks."""

    def __init__(self, js_body: Any) -> None:
        """Lock the stream."""
        self._js_body = js_body
        self._js_buffer: Any = None
        try:
            self._open()
        except JsException:  # a browser whose bodies are no byte streams: Safari
            self._js_reader = js_body.getReader()

    async def read(self) -> tuple[Any, bool]:
        """Return the next bytes, if there are any, and whether there are no more. They hold until the next call."""
        if self._js_buffer is None:
            step = await self._js_reader.read()
            return step.value, step.done
        since = time.monotonic()
        try:
            step = await self._step()
        except JsException:  # its time was up, or the stream failed, and does so again
            self._open()
            step = await self._step()
        piece = step.value
        if not piece or not piece.byteLength:
            return None, step.done
        self._js_buffer = piece.buffer  # the stream has taken the buffer, and gives it back
        speed = piece.byteLength / max(time.monotonic() - since, 0.001)
        self._least = max(1, min(int(speed * WAIT_SECONDS), WAIT_SIZE))
        return piece, step.done

    def _open(self) -> None:
        self._js_reader = self._js_body.getReader(js_object(mode="byob"))
        # Bytes that are in the buffer of a read when its reader lets go are the stream's again, and given to the next
        # read with the next byte that comes. (Streams Standard, ReadableByteStreamController, [[ReleaseSteps]].)
        # A function of the page's own: no proxy to free.
        self._js_let_go = self._js_reader.releaseLock.bind(self._js_reader)
        self._js_buffer = ArrayBuffer.new(CHUNK_SIZE)
        self._least = 1

    async def _step(self) -> Any:
        view = Uint8Array.new(self._js_buffer)
        if self._least == 1:
            return await self._js_reader.read(view, js_object(min=1))
        timer = setTimeout(self._js_let_go, PATIENCE)
        try:
            return await self._js_reader.read(view, js_object(min=self._least))
        finally:
            clearTimeout(timer)


class JsFetcher:
    """HTTP by fetch: across origins with CORS, without credentials, around the browser's own cache."""

    @asynccontextmanager
    async def fetch(  # the timeout ends with the headers, asyncio.timeout around the context would not
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[JsResponse]:
        """Send a request; leaving the context aborts what is still under way."""
        async with abort_scope() as signal:
            # What is to be kept is kept in IndexedDB, checked; a second copy in the HTTP cache would only take room.
            options = js_object(
                method=method,
                headers=js_object(**(headers or {})),
                signal=signal,
                credentials="omit",
                cache="no-store",
                redirect="follow" if follow_redirects else "manual",
                referrerPolicy="no-referrer",
            )
            try:
                async with asyncio.timeout(timeout):
                    js_response = await js_fetch(url, options)
            except TimeoutError as error:
                raise RequestTimeout(url, timeout or 0) from error
            except JsException as error:
                raise failed_request(url) from error
            if js_response.type == "opaqueredirect":
                raise RedirectRefused(url)
            yield JsResponse(url, js_response)
