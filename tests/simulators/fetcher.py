"""HTTP as a page may use it: of an answer from another origin it sees what CORS lets it see."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from modelden.host.publish.http_fetcher import IDLE_TIMEOUT, HttpFetcher, HttpResponse

PAGE = "http://page.example"
"""The page's origin: everything that it fetches here is of another one."""

CHUNK = 64 * 1024

PATIENCE = 60
"""How many times a limit a server in this process gets, if no test lets it wait: only the machine may be late."""

SAFE = frozenset(
    {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"}
)
"""Headers that a page may read without being told so (Fetch, "CORS-safelisted response-header name")."""


class PageResponse(HttpResponse):
    """A response with the headers that CORS exposes."""

    @property
    def headers(self) -> Mapping[str, str]:
        headers = super().headers
        exposed = headers.get("access-control-expose-headers", "")
        readable = SAFE | {name.strip().lower() for name in exposed.split(",")}
        return {name: value for name, value in headers.items() if name in readable}


class PageFetcher(HttpFetcher):
    """Keeps a list of its requests, ``METHOD path?query``, in their order.

    Attributes:
        requests: The requests.
        idle_timeout: `Configuration.idle_timeout` of the page.
        patience: Factor of the time limits for headers.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, *, patience: int = 1) -> None:
        """Set patience to more than 1 for servers that answer at once, however busy this machine is."""
        # A context of one's own, without certificates: reading the system's takes httpx longer than a test.
        super().__init__(transport or httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
        self.requests: list[str] = []
        self.idle_timeout = IDLE_TIMEOUT
        self.patience = patience

    @asynccontextmanager
    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109  as in the port
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[HttpResponse]:
        self.requests.append(f"{method} {httpx.URL(url).raw_path.decode()}")
        limit = timeout and self.patience * timeout
        async with super().fetch(
            url, method=method, timeout=limit, headers=headers, follow_redirects=follow_redirects
        ) as response:
            yield response

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], *, follow_redirects: bool
    ) -> httpx.Response:
        await self._ask_permission(method, url, headers)
        response = await super().send(method, url, {"Origin": PAGE, **headers}, follow_redirects=follow_redirects)
        is_answer = follow_redirects or not response.is_redirect
        if is_answer and not _allows(response):
            await response.aclose()
            raise httpx.RequestError("no CORS")
        return response

    def wrap(self, response: httpx.Response) -> HttpResponse:
        return PageResponse(response, self.idle_timeout, CHUNK)

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
            raise httpx.RequestError("the preflight was refused")


def _allows(response: httpx.Response) -> bool:
    return response.headers.get("access-control-allow-origin") in ("*", PAGE)


class AsgiFetcher(PageFetcher):
    """Into an ASGI application in this process, without a network. Faults that cut connections need one."""

    def __init__(self, app: Any) -> None:
        super().__init__(httpx.ASGITransport(app), patience=PATIENCE)
