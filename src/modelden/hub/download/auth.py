"""The headers that a private hub wants: they go to its origin, and nowhere else.

A page cannot look at a redirect before it is followed. Browsers leave ``Authorization`` out when one leads to another
origin (Fetch, "HTTP-redirect fetch"), and no other header: with others, redirects are refused.
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
        """Send nothing yet.

        Args:
            fetcher: Does the requests.
            root_url: The hub's.
            headers: Its private headers.
        """
        self._fetcher = fetcher
        self._origin = _origin(root_url)
        self._headers = headers
        self._may_follow = all(name.lower() == _DROPPED_BY_BROWSERS for name in headers)

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AbstractAsyncContextManager[Response]:
        """Send a request, with the private headers if it is the hub's; the errors are those of `ports.Fetcher`."""
        headers = headers or {}
        if _origin(url) == self._origin:
            headers, follow_redirects = {**self._headers, **headers}, follow_redirects and self._may_follow
        return self._fetcher.fetch(
            url, method=method, timeout=timeout, headers=headers, follow_redirects=follow_redirects
        )


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urls.split(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)
