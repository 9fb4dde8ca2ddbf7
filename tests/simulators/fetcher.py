"""HTTP as a page may use it: of an answer from another origin it sees what CORS lets it see."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from modelden.errors import NetworkError, RedirectRefused, RequestTimeout
from tests.simulators.blobs import MemoryChunk

PAGE = "http://page.example"
"""The page's origin: everything that it fetches here is of another one."""

CHUNK = 64 * 1024

PATIENCE = 60
"""How many times a limit a server in this process gets, if no test lets it wait: only the machine may be late."""

SAFE = frozenset(
    {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"}
)
"""Headers that a page may read without being told so (Fetch, "CORS-safelisted response-header name")."""


class PageResponse:
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
        exposed = self._response.headers.get("access-control-expose-headers", "")
        readable = SAFE | {name.strip().lower() for name in exposed.split(",")}
        return {name: value for name, value in self._response.headers.items() if name in readable}

    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        try:
            async for data in self._response.aiter_bytes():
                for start in range(0, len(data), CHUNK):
                    yield MemoryChunk(data[start : start + CHUNK])
        except httpx.HTTPError as error:
            raise NetworkError(self.url, "the connection broke before the end of the file") from error


class PageFetcher:
    """Keeps a list of its requests, ``METHOD path?query``, in their order."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, *, patience: int = 1) -> None:
        """Set patience to more than 1 for servers that answer at once, however busy this machine is."""
        # A context of one's own, without certificates: reading the system's takes httpx longer than a test.
        transport = transport or httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        # A body may take its time: only what `fetch` is told limits it.
        self._client = httpx.AsyncClient(transport=transport, follow_redirects=True, timeout=None)  # noqa: S113
        self.requests: list[str] = []
        self.patience = patience

    @asynccontextmanager
    async def fetch(  # the timeout ends with the headers, asyncio.timeout around the context would not
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[PageResponse]:
        self.requests.append(f"{method} {httpx.URL(url).raw_path.decode()}")
        request = self._client.build_request(method, url, headers={"Origin": PAGE, **(headers or {})})
        try:
            async with asyncio.timeout(timeout and self.patience * timeout):
                await self._ask_permission(method, url, headers or {})
                response = await self._client.send(request, stream=True, follow_redirects=follow_redirects)
        except TimeoutError as error:
            raise RequestTimeout(url, timeout or 0) from error
        except httpx.HTTPError as error:
            raise NetworkError(url, "the request failed") from error
        try:
            if response.is_redirect and not follow_redirects:
                raise RedirectRefused(url)
            if not _allows(response):
                raise NetworkError(url, "the request failed")
            yield PageResponse(response)
        finally:
            await response.aclose()

    async def _ask_permission(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        """The preflight that browsers send before a request with headers of the page's own."""
        asked = ",".join(sorted(name.lower() for name in headers))
        if not asked:
            return
        preflight = {
            "Origin": PAGE,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": asked,
        }
        answer = await self._client.options(url, headers=preflight)
        allowed = answer.headers.get("access-control-allow-headers", "").lower()
        if not (answer.is_success and _allows(answer) and set(asked.split(",")) <= set(allowed.split(","))):
            raise NetworkError(url, "the request failed")

    async def close(self) -> None:
        await self._client.aclose()


def _allows(response: httpx.Response) -> bool:
    return response.headers.get("access-control-allow-origin") in ("*", PAGE)


class AsgiFetcher(PageFetcher):
    """Into an ASGI application in this process, without a network. Faults that cut connections need one."""

    def __init__(self, app: Any) -> None:
        super().__init__(httpx.ASGITransport(app), patience=PATIENCE)
