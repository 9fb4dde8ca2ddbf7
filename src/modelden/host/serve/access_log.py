"""An access log in the Common Log Format, which log tools can read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def with_access_log(app: ASGIApp, write: Callable[[str], None]) -> ASGIApp:
    """Wrap an application. ``write`` gets a line when a response has ended, or its client has disconnected.

    The last number of a line is the duration in milliseconds.
    """

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start, status, size = time.monotonic(), 0, 0

        async def count(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receive, count)
        finally:
            write(_line(scope, status, size, 1000 * (time.monotonic() - start)))

    return logged


def _line(scope: Scope, status: int, size: int, milliseconds: float) -> str:
    client = scope["client"][0] if scope.get("client") else "-"
    query = scope["query_string"].decode("ascii", "replace")
    path = scope["raw_path"].partition(b"?")[0].decode("ascii", "replace") + (f"?{query}" if query else "")
    # A control character in a path must not start a new line.
    path = "".join(character if character.isprintable() and character != '"' else "?" for character in path)
    now = time.strftime("%d/%b/%Y:%H:%M:%S %z")
    request = f"{scope['method']} {path} HTTP/{scope['http_version']}"
    return f'{client} - - [{now}] "{request}" {status or "-"} {size} {milliseconds:.1f}'
