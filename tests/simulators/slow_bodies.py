"""Bodies for which time passes, without a test that waits: the event loop's clock is put forward between chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.simulators.blobs import MemoryChunk
from tests.simulators.fetcher import PATIENCE, PageFetcher, PageResponse


class LoopClock:
    """The clock of the running event loop. Its timeouts end when the clock is put forward, however busy the machine."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._machine_time = loop.time
        self._advance = 0.0
        loop.time = self._time  # type: ignore[method-assign]

    def advance(self, seconds: float) -> None:
        self._advance += seconds

    def _time(self) -> float:
        return self._machine_time() + self._advance


class SlowResponse(PageResponse):
    """A response whose chunks arrive after a delay."""

    def __init__(
        self, response: PageResponse, clock: LoopClock, delay: Callable[[int], float], piece: int | None
    ) -> None:
        self._inner = response
        self._clock = clock
        self._delay = delay
        self._piece = piece

    @property
    def url(self) -> str:
        return self._inner.url

    @property
    def status(self) -> int:
        return self._inner.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        received = 0
        self._clock.advance(self._delay(received))
        async for chunk in self._inner.chunks():
            size = self._piece or chunk.size
            for start in range(0, chunk.size, size):
                piece = MemoryChunk(chunk.data[start : start + size])
                received += piece.size
                yield piece
                # The reader waits for the next chunk from here on, and limits that wait.
                self._clock.advance(self._delay(received))


class SlowBodyFetcher(PageFetcher):
    """Fetches over real connections; before each chunk of a body, time passes.

    Attributes:
        clock: The clock that is put forward.
        delay: Seconds before the next chunk, by the path and the number of bytes that were received.
        piece: Largest chunk in bytes; None for chunks as they come.
    """

    def __init__(self, delay: Callable[[str, int], float], piece: int | None = None) -> None:
        super().__init__(patience=PATIENCE)
        self.delay = delay
        self.piece = piece
        self.clock = LoopClock()

    @asynccontextmanager
    async def fetch(self, url: str, **options: Any) -> AsyncIterator[PageResponse]:
        path = urlsplit(url).path
        async with super().fetch(url, **options) as response:
            yield SlowResponse(response, self.clock, lambda received: self.delay(path, received), self.piece)
