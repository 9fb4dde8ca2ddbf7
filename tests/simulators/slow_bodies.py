"""Bodies for which time passes, without a test that waits: the event loop's clock is put forward between chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx

from tests.simulators.fetcher import CHUNK, PATIENCE, PageFetcher, PageResponse


class LoopClock:
    """The clock of the running event loop. Its timeouts end when the clock is put forward, however busy the machine."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._machine_time = loop.time
        self._advance = 0.0
        loop.time = self._time  # type: ignore[method-assign]  # a clock of its own

    def advance(self, seconds: float) -> None:
        self._advance += seconds

    def _time(self) -> float:
        return self._machine_time() + self._advance


class SlowResponse(PageResponse):
    """A response whose pieces arrive after a delay."""

    def __init__(
        self, response: httpx.Response, idle_timeout: float, piece: int, clock: LoopClock, delay: Callable[[int], float]
    ) -> None:
        super().__init__(response, idle_timeout, piece)
        self._piece = piece
        self._clock = clock
        self._delay = delay

    async def pieces(self) -> AsyncIterator[bytes]:
        received = 0
        await self._pass(received)
        async for data in super().pieces():
            for start in range(0, len(data), self._piece):
                piece = data[start : start + self._piece]
                yield piece
                received += len(piece)
                # The reader waits for the next piece from here on, and limits that wait.
                await self._pass(received)

    async def _pass(self, received: int) -> None:
        self._clock.advance(self._delay(received))
        for _ in range(2):  # a limit that has passed cancels the reader here
            await asyncio.sleep(0)


class SlowBodyFetcher(PageFetcher):
    """Fetches over real connections; before each chunk of a body, time passes.

    Attributes:
        clock: The clock that is put forward.
        delay: Seconds before the next chunk, by the path and the number of bytes that were received.
        piece: Largest chunk in bytes.
    """

    def __init__(self, delay: Callable[[str, int], float], piece: int = CHUNK) -> None:
        super().__init__(patience=PATIENCE)
        self.delay = delay
        self.piece = piece
        self.clock = LoopClock()

    def wrap(self, response: httpx.Response) -> SlowResponse:
        path = response.url.path
        return SlowResponse(
            response, self.idle_timeout, self.piece, self.clock, lambda received: self.delay(path, received)
        )
