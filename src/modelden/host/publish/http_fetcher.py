"""`ports.Fetcher` on CPython, with httpx. CORS does not apply here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import httpx

from modelden.errors import NetworkError, RedirectRefused, RequestTimeout

_CHUNK_SIZE = 1024 * 1024


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

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

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

    async def chunks(self) -> AsyncIterator[HttpChunk]:
        """Read the body in chunks, decompressed.

        Raises:
            NetworkError: If the body ends early, after all received bytes were yielded.
        """
        try:
            async for data in self._response.aiter_bytes():
                for start in range(0, len(data), _CHUNK_SIZE):
                    yield HttpChunk(data[start : start + _CHUNK_SIZE])
        except httpx.HTTPError as error:
            raise NetworkError(
                self.url, f"the connection broke before the end of the file ({_reason(error)})"
            ) from error


class HttpFetcher:
    """Sends requests. Used with ``async with``, which closes its connections.

    Sample usage::

        async with HttpFetcher() as fetcher, fetcher.fetch("https://models.example/v1/") as response:
            print(await read_text(response, response.url, 1000))
    """

    def __init__(self) -> None:
        # A body may take any time. Only the timeout of `fetch` limits the wait for headers.
        self._client = httpx.AsyncClient(follow_redirects=True, timeout=None)  # noqa: S113

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
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
            request = self._client.build_request(method, url, headers=headers)
            async with asyncio.timeout(timeout):
                response = await self._client.send(request, stream=True, follow_redirects=follow_redirects)
        except TimeoutError as error:
            raise RequestTimeout(url, timeout or 0) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NetworkError(url, _reason(error)) from error
        try:
            if response.is_redirect and not follow_redirects:
                raise RedirectRefused(url)
            yield HttpResponse(response)
        finally:
            await response.aclose()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
