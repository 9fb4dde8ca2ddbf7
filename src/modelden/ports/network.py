"""Requests and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from modelden.ports.blobs import Chunk


class Response(Protocol):
    """The answer to a request, its body still unread."""

    @property
    def url(self) -> str:
        """The URL after redirects."""

    @property
    def status(self) -> int:
        """The HTTP status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The readable headers, names in lower case."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Read the body piece by piece. A piece holds until the next one is asked for.

        Raises:
            NetworkError: If the body ends early, after what came was handed on, but for less than a piece.
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
        """Send a request; leaving the context stops whatever is still under way.

        Args:
            url: Absolute http(s) URL.
            method: ``GET`` or ``HEAD``.
            timeout: Seconds until the headers must be there, or None for no limit.
            headers: Request headers; across origins, most of them make the browser ask for permission first.
            follow_redirects: Follow them. A page cannot see where one leads, and browsers take ``headers`` along.

        Raises:
            NetworkError: If there was no answer that a page may read (offline, refused, no CORS).
            RequestTimeout: If ``timeout`` passed first.
            RedirectRefused: If there was a redirect that is not to be followed.
        """
