"""`ports.Fetcher` over the browser's fetch."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import js
from js import JSON, ArrayBuffer, Object, Uint8Array, clearTimeout, setTimeout
from js import fetch as js_fetch
from pyodide.ffi import JsException

from modelden._js.blobs import JsChunk
from modelden._js.ffi import abort_scope, js_object, map_exceptions
from modelden.errors import NetworkError, Offline, RedirectRefused, RequestTimeout

CHUNK_SIZE = 1024 * 1024
"""Most bytes of one piece: hashing them takes the page some 5 ms."""

MIN_READ_SIZE = 256 * 1024
"""Most bytes that a read waits for. Large reads cross the border rarely; so many bytes are lost when a line breaks."""

MIN_READ_SECONDS = 0.05
"""Time of the line that a read waits for: by the speed so far this gives its number of bytes, few on a slow line."""

READ_TIMEOUT = 1000
"""Milliseconds after which a read of a line that has become slow ends with the bytes that have arrived."""


class JsResponse:
    """A fetch ``Response``."""

    def __init__(self, url: str, js_response: Any, idle_timeout: float) -> None:
        self._requested = url
        self._js_response = js_response
        self._idle_timeout = idle_timeout

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
        """The headers that fetch exposes, names in lower case."""
        # As one text: each crossing of the border costs as much as a header.
        headers: dict[str, str] = json.loads(JSON.stringify(Object.fromEntries(self._js_response.headers)))
        return headers

    def chunks(self) -> AsyncIterator[JsChunk]:
        """Read the body piece by piece."""
        from modelden.core.response_body import limit_time  # most visits read no body

        return limit_time(self._read(), self._requested, self._idle_timeout)

    async def _read(self) -> AsyncIterator[JsChunk]:
        body = self._js_response.body
        if not body:  # null in Firefox when there can be none: the answer to HEAD
            return
        with map_exceptions(self._broken):
            reader = _Reader(body)
        while True:
            with map_exceptions(self._broken):
                piece, done = await reader.read()
            if piece:
                yield JsChunk([piece], int(piece.byteLength))
            if done:
                return

    def _broken(self, _error: JsException) -> NetworkError:
        return NetworkError(self._requested, "the connection broke before the end of the file")


def failed_request(url: str) -> NetworkError:
    """Return the error of a request without a response."""
    # Browsers tell a page nothing more: refused, unknown host and no CORS all look alike. `onLine` may be true without
    # a network, but if it is false there is none.
    return NetworkError(url, "the request failed") if js.navigator.onLine else Offline(url)


class _Reader:
    """Reads a ``ReadableStream`` into one reused buffer: new ones would pile up until the garbage collector runs."""

    def __init__(self, js_body: Any) -> None:
        self._js_body = js_body
        self._js_buffer: Any = None
        try:
            self._open()
        except JsException:  # a browser whose bodies are no byte streams: Safari
            self._js_reader = js_body.getReader()

    async def read(self) -> tuple[Any, bool]:
        """Return the next bytes, if any, and whether the body has ended. The bytes are valid until the next call."""
        if self._js_buffer is None:
            result = await self._js_reader.read()
            return result.value, result.done
        start = time.monotonic()
        try:
            result = await self._read_bytes()
        except JsException:  # it was released by the timeout, or the stream failed, and fails again
            self._open()
            result = await self._read_bytes()
        piece = result.value
        if not piece or not piece.byteLength:
            return None, result.done
        self._js_buffer = piece.buffer  # the stream transferred the buffer to the view that it returns
        speed = piece.byteLength / max(time.monotonic() - start, 0.001)
        self._min_bytes = max(1, min(int(speed * MIN_READ_SECONDS), MIN_READ_SIZE))
        return piece, result.done

    def _open(self) -> None:
        self._js_reader = self._js_body.getReader(js_object(mode="byob"))
        # Bytes that a read has when its reader releases the stream go back to the stream, and to the next read together
        # with the next byte that arrives (Streams Standard, ReadableByteStreamController, [[ReleaseSteps]]).
        # The timer calls a function of JavaScript's own: no proxy to free.
        self._js_release = self._js_reader.releaseLock.bind(self._js_reader)
        self._js_buffer = ArrayBuffer.new(CHUNK_SIZE)
        self._min_bytes = 1

    async def _read_bytes(self) -> Any:
        view = Uint8Array.new(self._js_buffer)
        if self._min_bytes == 1:
            return await self._js_reader.read(view, js_object(min=1))
        timer = setTimeout(self._js_release, READ_TIMEOUT)
        try:
            return await self._js_reader.read(view, js_object(min=self._min_bytes))
        finally:
            clearTimeout(timer)


class JsFetcher:
    """HTTP by fetch: across origins with CORS, without credentials, without the browser's own cache."""

    def __init__(self, idle_timeout: float) -> None:
        """Create a fetcher.

        Args:
            idle_timeout: Seconds without a byte after which the reading of a body ends.
        """
        self._idle_timeout = idle_timeout

    @asynccontextmanager
    async def fetch(  # the timeout ends with the headers, asyncio.timeout around the context would not
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109  as in the port
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[JsResponse]:
        """Send a request; leaving the context aborts what is still under way."""
        async with abort_scope() as signal:
            # Files are stored in IndexedDB, verified; a second copy in the HTTP cache takes space (decision 0049).
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
            yield JsResponse(url, js_response, self._idle_timeout)
