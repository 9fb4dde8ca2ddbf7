"""HTTP into an ASGI application, without a network: the real server's code answers, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from modelden.errors import NetworkError, RequestTimeout, ResponseTooLarge
from simulators.blobs import MemoryChunk


class AsgiResponse:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def url(self) -> str:
        return str(self._response.url)

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def text(self, limit: int) -> str:
        body = await self._response.aread()
        if len(body) > limit:
            raise ResponseTooLarge(self.url, limit)
        return body.decode("utf-8", errors="replace")

    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        try:
            async for data in self._response.aiter_bytes(64 * 1024):
                yield MemoryChunk(data)
        except httpx.HTTPError as error:
            raise NetworkError(self.url, "the connection broke before the end of the file") from error


class AsgiFetcher:
    """Keeps a list of its requests, ``METHOD path?query``, in their order."""

    def __init__(self, app: Any) -> None:
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app))
        self.requests: list[str] = []

    @asynccontextmanager
    async def fetch(
        self, url: str, *, method: str = "GET", timeout: float | None = None
    ) -> AsyncIterator[AsgiResponse]:
        self.requests.append(f"{method} {httpx.URL(url).raw_path.decode()}")
        request = self._client.build_request(method, url, headers={"Origin": "http://page.example"})
        try:
            async with asyncio.timeout(timeout):
                response = await self._client.send(request, stream=True)
        except TimeoutError as error:
            raise RequestTimeout(url, timeout or 0) from error
        except httpx.HTTPError as error:
            raise NetworkError(url, "the request failed") from error
        try:
            yield AsgiResponse(response)
        finally:
            await response.aclose()
