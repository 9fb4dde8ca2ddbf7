"""Sends the headers of a private hub to its origin, and to no other.

A page cannot inspect a redirect before it is followed. Browsers remove ``Authorization`` from a request that is
redirected to another origin (Fetch, "HTTP-redirect fetch"), but no other header. With other private headers, redirects
are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from modelden.core import urls
from modelden.ports import Fetcher, Response

_DROPPED_BY_BROWSERS = "authorization"


class AuthenticatedFetcher:
    """`ports.Fetcher` for one hub and its mirrors."""

    def __init__(self, fetcher: Fetcher, root_url: str, headers: Mapping[str, str]) -> None:
        """Create a fetcher.

        Args:
            fetcher: Sends the requests.
            root_url: The root URL of the hub.
            headers: The private headers of the hub.
        """
        self._fetcher = fetcher
        self._origin = urls.origin(root_url)
        self._headers = headers
        self._may_redirect = all(name.lower() == _DROPPED_BY_BROWSERS for name in headers)

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AbstractAsyncContextManager[Response]:
        """Send a request; one to the hub has the private headers. The errors are those of `ports.Fetcher`."""
        headers = headers or {}
        if urls.origin(url) == self._origin:
            headers, follow_redirects = {**self._headers, **headers}, follow_redirects and self._may_redirect
        return self._fetcher.fetch(
            url, method=method, timeout=timeout, headers=headers, follow_redirects=follow_redirects
        )
