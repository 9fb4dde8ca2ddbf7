"""A connection that falls silent is given up: bodies may take their time, but not stand still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from modelden.errors import NetworkError, ResponseTooLarge
from modelden.ports import Chunk, Fetcher, Response


class IdleTimeoutResponse:
    """A `ports.Response` whose body fails when nothing of it comes for too long."""

    def __init__(self, requested: str, response: Response, seconds: float) -> None:
        """Adopt the answer to a request for the URL ``requested``."""
        self._requested = requested
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

    async def text(self, limit: int) -> str:
        """Read the body as UTF-8 text of at most ``limit`` bytes."""
        body = bytearray()
        async for chunk in self.chunks():
            for buffer in chunk.buffers():
                body += buffer
            if len(body) > limit:
                raise ResponseTooLarge(self._requested, limit)
        return body.decode("utf-8", errors="replace")

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Read the body piece by piece."""
        chunks = self._response.chunks()
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise NetworkError(self._requested, f"not a byte came for {self._seconds:g} s") from error
            yield chunk


class IdleTimeoutFetcher:
    """A `ports.Fetcher` that gives connections up."""

    def __init__(self, fetcher: Fetcher, seconds: float) -> None:
        """Send nothing yet.

        Args:
            fetcher: Does the requests.
            seconds: How long a body may stand still.
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
        """Send a request; a silent body is a `NetworkError`, the other errors are those of `ports.Fetcher`."""
        async with self._fetcher.fetch(
            url, method=method, timeout=timeout, headers=headers, follow_redirects=follow_redirects
        ) as response:
            yield IdleTimeoutResponse(url, response, self._seconds)
