"""HTTP requests and their responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from modelden.ports.blobs import Chunk


class Response(Protocol):
    """The response to a request, its body still unread."""

    @property
    def url(self) -> str:
        """The URL after redirects. Does not suspend. Raises nothing."""

    @property
    def status(self) -> int:
        """The HTTP status code. Does not suspend. Raises nothing."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that CORS exposes, names in lower case. Does not suspend. Raises nothing."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Read the body piece by piece. A piece is valid until the next one is asked for. Each step suspends.

        A slow body may take any time (`core.response_body.limit_time`, `Configuration.idle_timeout`).

        Raises:
            NetworkError: If the body ends early, or arrives too slowly. All received bytes but those of one piece have
                been yielded then.
        """


class Fetcher(Protocol):
    """HTTP, as a page may use it."""

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AbstractAsyncContextManager[Response]:
        """Send a request. Entering suspends. Leaving does not, and stops whatever is still under way.

        Args:
            url: Absolute http(s) URL.
            method: ``GET`` or ``HEAD``.
            timeout: Seconds until the headers must have arrived, or None for no limit.
            headers: Request headers; across origins, most of them make the browser ask for permission first.
            follow_redirects: Follow redirects. A page cannot see their targets, and browsers send ``headers`` there.

        Raises:
            NetworkError: If there was no response that a page may read (offline, refused, no CORS).
            RequestTimeout: If ``timeout`` passed first.
            RedirectRefused: If there was a redirect and ``follow_redirects`` is not set.
        """
