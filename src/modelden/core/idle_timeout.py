"""Requests that end when no byte of the body arrives for too long. A slow body may take any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from modelden.errors import NetworkError
from modelden.ports import Chunk, Fetcher, Response


class IdleTimeoutResponse:
    """A `ports.Response` whose body fails when no byte arrives for too long."""

    def __init__(self, url: str, response: Response, seconds: float) -> None:
        """Wrap a response.

        Args:
            url: The requested URL, for the error.
            response: The response.
            seconds: Time limit between two chunks.
        """
        self._requested_url = url
        self._response = response
        self._seconds = seconds

    @property
    def url(self) -> str:
        """The URL after redirects."""
        return self._response.url

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The readable headers, names in lower case."""
        return self._response.headers

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Read the body chunk by chunk."""
        chunks = self._response.chunks()
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise NetworkError(self._requested_url, f"not a byte came for {self._seconds:g} s") from error
            yield chunk


class IdleTimeoutFetcher:
    """A `ports.Fetcher` whose bodies fail when no byte arrives for too long."""

    def __init__(self, fetcher: Fetcher, seconds: float) -> None:
        """Wrap a fetcher.

        Args:
            fetcher: Sends the requests.
            seconds: Time limit between two chunks of a body.
        """
        self._fetcher = fetcher
        self._seconds = seconds

    @asynccontextmanager
    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109  it ends with the headers
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[IdleTimeoutResponse]:
        """Send a request. A body without bytes for too long is a `NetworkError`; other errors are `ports.Fetcher`'s."""
        async with self._fetcher.fetch(
            url, method=method, timeout=timeout, headers=headers, follow_redirects=follow_redirects
        ) as response:
            yield IdleTimeoutResponse(url, response, self._seconds)
