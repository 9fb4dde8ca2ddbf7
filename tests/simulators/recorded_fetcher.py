"""A fetcher that sends each request once and repeats the answer, so that many runs of a scenario take little time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.simulators.fetcher import AsgiFetcher, PageResponse

CHUNK_SIZE = 700
"""Size in bytes of the chunks of a body."""


class RecordedResponse(PageResponse):
    """An answer that was read as a whole. It can be read again."""

    async def record(self) -> RecordedResponse:
        await self._response.aread()
        return self


class RecordedFetcher(AsgiFetcher):
    """Answers without a turn of the loop. What the application serves must not change."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._answers: dict[tuple[Any, ...], RecordedResponse] = {}

    @asynccontextmanager
    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        timeout: float | None = None,  # noqa: ASYNC109  as in the port
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> AsyncIterator[RecordedResponse]:
        request = (method, url, *sorted((headers or {}).items()))
        if request not in self._answers:
            asking = self._ask(url, method=method, timeout=timeout, headers=headers, follow_redirects=follow_redirects)
            with ThreadPoolExecutor(1) as threads:
                self._answers[request] = threads.submit(asyncio.run, asking).result()
        yield self._answers[request]

    def wrap(self, response: httpx.Response) -> RecordedResponse:
        return RecordedResponse(response, self.idle_timeout, CHUNK_SIZE)

    async def _ask(self, url: str, **options: Any) -> RecordedResponse:
        async with super().fetch(url, **options) as response:
            assert isinstance(response, RecordedResponse)
            return await response.record()
