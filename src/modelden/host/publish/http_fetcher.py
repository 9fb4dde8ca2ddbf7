"""`ports.Fetcher` on CPython, with httpx. CORS does not apply here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import httpx

from modelden.core.response_body import limit_time
from modelden.errors import NetworkError, RedirectRefused, RequestTimeout

IDLE_TIMEOUT = 30.0
"""Seconds without a byte after which the reading of a body ends."""

CHUNK_SIZE = 1024 * 1024
"""Maximum bytes of a chunk."""


@dataclass(frozen=True, slots=True)
class HttpChunk:
    """A chunk of a body."""

    data: bytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def buffers(self) -> Iterable[bytes]:
        """The bytes."""
        return [self.data]


class HttpResponse:
    """A response whose body is not read yet."""

    def __init__(self, response: httpx.Response, idle_timeout: float, chunk_size: int = CHUNK_SIZE) -> None:
        """Wrap a response.

        Args:
            response: The response, opened as a stream.
            idle_timeout: Seconds without a byte after which the reading of the body ends.
            chunk_size: Maximum bytes of a chunk.
        """
        self._response = response
        self._idle_timeout = idle_timeout
        self._chunk_size = chunk_size

    @property
    def url(self) -> str:
        """The URL after redirects."""
        return str(self._response.url)

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case."""
        return dict(self._response.headers.items())

    def chunks(self) -> AsyncIterator[HttpChunk]:
        """Read the body in chunks, decompressed.

        Raises:
            NetworkError: If the body ends early, or arrives too slowly, after all received bytes were yielded.
        """
        return limit_time(self._chunks(), self.url, self._idle_timeout)

    async def _chunks(self) -> AsyncIterator[HttpChunk]:
        try:
            async for data in self.pieces():
                for start in range(0, len(data), self._chunk_size):
                    yield HttpChunk(data[start : start + self._chunk_size])
        except httpx.HTTPError as error:
            raise NetworkError(
                self.url, f"the connection broke before the end of the file ({_reason(error)})"
            ) from error

    def pieces(self) -> AsyncIterator[bytes]:
        """Read the body as httpx returns it, decompressed."""
        return self._response.aiter_bytes()


class HttpFetcher:
    """Sends requests. Used with ``async with``, which closes its connections.

    Sample usage::

        async with HttpFetcher() as fetcher, fetcher.fetch("https://models.example/v1/") as response:
            print(await read_text(response, response.url, 1000))
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Create a fetcher.

        Args:
            transport: Sends the requests in place of connections, as in httpx.
        """
        # A body may take any time. Only the timeout of `fetch` limits the wait for headers.
        self._client = httpx.AsyncClient(transport=transport, follow_redirects=True, timeout=None)  # noqa: S113  each request has its own

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109  it ends with the headers
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[HttpResponse]:
        """Send a request; leaving the context closes the connection if the body was not read to its end.

        Args:
            url: Absolute http(s) URL.
            method: ``GET`` or ``HEAD``.
            timeout: Seconds until the headers must be there, or None for no limit.
            headers: Request headers.
            follow_redirects: Follow them.

        Raises:
            NetworkError: If there was no answer.
            RequestTimeout: If ``timeout`` passed first.
            RedirectRefused: If ``redirects`` is False and the response is a redirect.
        """
        try:
            async with asyncio.timeout(timeout):
                response = await self.send(method, url, headers or {}, follow_redirects=follow_redirects)
        except TimeoutError as error:
            raise RequestTimeout(url, timeout or 0) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NetworkError(url, _reason(error)) from error
        try:
            if response.is_redirect and not follow_redirects:
                raise RedirectRefused(url)
            yield self.wrap(response)
        finally:
            await response.aclose()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], *, follow_redirects: bool
    ) -> httpx.Response:
        """Send a request; returns the response with its body unread, and raises what httpx raises."""
        request = self._client.build_request(method, url, headers=headers)
        return await self._client.send(request, stream=True, follow_redirects=follow_redirects)

    def wrap(self, response: httpx.Response) -> HttpResponse:
        """Return the response that `fetch` yields."""
        return HttpResponse(response, IDLE_TIMEOUT)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
