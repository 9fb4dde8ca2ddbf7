"""`ports.Fetcher` over the browser's fetch."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from js import JSON, Object
from js import fetch as js_fetch
from pyodide.ffi import JsException

from modelden._js.blobs import JsChunk
from modelden._js.convert import abort_scope, js_object
from modelden.errors import NetworkError, RedirectRefused, RequestTimeout, ResponseTooLarge

CHUNK_SIZE = 1024 * 1024
"""Bytes after which pieces of a body are handed on: few crossings, and hashing them takes the page some 5 ms."""

CHUNK_SECONDS = 0.1
"""Seconds after which they are handed on anyway, so that progress shows on slow lines."""


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

    async def text(self, limit: int) -> str:
        """Read the body as text."""
        body = bytearray()
        async for chunk in self.chunks():
            for buffer in chunk.buffers():
                body += buffer
            if len(body) > limit:
                raise ResponseTooLarge(self._requested, limit)
        return body.decode("utf-8", errors="replace")

    async def chunks(self) -> AsyncIterator[JsChunk]:
        """Read the body piece by piece."""
        body = self._js_response.body
        if not body:  # null in Firefox when there can be none: the answer to HEAD
            return
        reader = body.getReader()
        pieces: list[Any] = []
        size, since = 0, time.monotonic()
        while True:
            try:
                step = await reader.read()
            except JsException as error:
                if size:
                    yield JsChunk(pieces, size)
                raise NetworkError(self._requested, "the connection broke before the end of the file") from error
            if not step.done:
                pieces.append(step.value)
                size += step.value.byteLength
            if size and (step.done or size >= CHUNK_SIZE or time.monotonic() - since >= CHUNK_SECONDS):
                yield JsChunk(pieces, size)
                pieces, size, since = [], 0, time.monotonic()
            if step.done:
                return


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
        redirects: bool = True,
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
                redirect="follow" if redirects else "manual",
                referrerPolicy="no-referrer",
            )
            try:
                async with asyncio.timeout(timeout):
                    js_response = await js_fetch(url, options)
            except TimeoutError as error:
                raise RequestTimeout(url, timeout or 0) from error
            except JsException as error:
                # The browsers tell a page nothing more: refused, unknown host, offline and no CORS all look alike.
                raise NetworkError(url, "the request failed") from error
            if js_response.type == "opaqueredirect":
                raise RedirectRefused(url)
            yield JsResponse(url, js_response)
