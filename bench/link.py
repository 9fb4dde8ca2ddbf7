"""A line with a rate and a latency, which all servers of a measurement share."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECE = 64 * 1024
"""Bytes that responses send in turns."""


class Link:
    """Delays the responses of the applications that it wraps.

    Attributes:
        rate: Bytes per second of all responses together; None for no limit.
        latency: Seconds before each response.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.latency = 0.0
        self._free_at = 0.0
        self._lock = threading.Lock()  # each server has a thread

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the application behind the line."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_slowly(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await asyncio.sleep(self.latency)
                body = message.get("body", b"")
                while self.rate is not None and len(body) > PIECE:
                    await self._wait(PIECE)
                    await send({"type": "http.response.body", "body": body[:PIECE], "more_body": True})
                    body = body[PIECE:]
                await self._wait(len(body))
                await send({**message, "body": body} if "body" in message else message)

            await app(scope, receive, send_slowly)

        return answer

    async def _wait(self, size: int) -> None:
        if self.rate is None:
            return
        now = time.monotonic()
        with self._lock:
            self._free_at = max(self._free_at, now) + size / self.rate
            delay = self._free_at - now
        await asyncio.sleep(delay)
