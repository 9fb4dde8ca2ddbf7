"""Headers that make a page cross-origin isolated. Browsers share memory between threads only of such pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    # Isolated pages of other origins load files without CORS only with this header.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def isolated(app: ASGIApp) -> ASGIApp:
    """Wrap an application, with `HEADERS` on every response."""

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await app(scope, receive, send_with_headers if scope["type"] == "http" else send)

    return with_headers
