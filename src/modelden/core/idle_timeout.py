"""Requests that end when no byte of the body arrives for too long, or too few of them. A slow body may take any time.

The least speed is that of git and curl by common usage (``http.lowSpeedLimit``, ``--speed-limit``): far below that of
any line on which a model would be loaded. Time in which nobody reads the body does not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from modelden.errors import NetworkError
from modelden.ports import Chunk, Fetcher, Response

LEAST_SPEED = 1024
"""Bytes a second that a body must have, on the average of `SPEED_WINDOW`."""

SPEED_WINDOW = 60.0
"""Seconds over which the speed is measured."""


class IdleTimeoutResponse:
    """A `ports.Response` whose body fails when no byte arrives for too long, or too few of them."""

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
        now = asyncio.get_running_loop().time
        waited, received = 0.0, 0
        while True:
            start = now()
            try:
                async with asyncio.timeout(self._seconds):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise NetworkError(self._requested_url, f"not a byte came for {self._seconds:g} s") from error
            waited += now() - start
            received += chunk.size
            yield chunk
            if waited >= SPEED_WINDOW:
                if received < LEAST_SPEED * waited:
                    reason = f"only {received} bytes came in {waited:.0f} s, fewer than {LEAST_SPEED} a second"
                    raise NetworkError(self._requested_url, reason)
                waited, received = 0.0, 0


class IdleTimeoutFetcher:
    """A `ports.Fetcher` whose bodies fail when no byte arrives for too long, or too few of them."""

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
        """Send a request. A body that is silent or too slow is a `NetworkError`; other errors are `ports.Fetcher`'s."""
        async with self._fetcher.fetch(
            url, method=method, timeout=timeout, headers=headers, follow_redirects=follow_redirects
        ) as response:
            yield IdleTimeoutResponse(url, response, self._seconds)
