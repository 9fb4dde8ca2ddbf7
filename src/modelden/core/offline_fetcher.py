"""`ports.Fetcher` of a configuration that allows no request (`Configuration.offline`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelden.errors import Offline

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from modelden.ports import Response


class OfflineFetcher:
    """Refuses all requests."""

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",  # noqa: ARG002  the port's parameters
        timeout: float | None = None,  # noqa: ARG002  the port's
        headers: Mapping[str, str] | None = None,  # noqa: ARG002  the port's
        follow_redirects: bool = True,  # noqa: ARG002  the port's
    ) -> AbstractAsyncContextManager[Response]:
        """Raise `Offline` when the context is entered, before anything is sent."""
        return _Refusal(url)


class _Refusal:
    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Response:
        raise Offline(self._url, configured=True)

    async def __aexit__(self, *_: object) -> None:
        pass
