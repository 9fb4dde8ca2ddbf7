"""Cross-origin headers, as an ASGI middleware.

Starlette's ``CORSMiddleware`` sends ``Access-Control-Allow-Origin`` only if the request has ``Origin``. Without
``Vary``, a browser's cache then gives the response of a same-origin request to a page of another port, which cannot
read it, and model files are cached for a year. Here every response has the headers, errors included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = "GET, HEAD, OPTIONS"
_PREFLIGHT_SECONDS = "3600"


class AnyOrigin:
    """Allows every origin to read the responses and these headers, and answers preflights."""

    def __init__(self, app: ASGIApp, expose: Sequence[str]) -> None:
        # Errors of the application become responses here, inside, so that pages can read them too.
        self._app = ExceptionMiddleware(app)
        self._expose = ", ".join(expose)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await self._preflight(Headers(scope=scope))(scope, receive, send)
        else:
            await self._app(scope, receive, self._with_headers(send))

    def _preflight(self, request: Headers) -> Response:
        # Responses do not depend on the requester, so any header is allowed, as with Kinto.
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        }
        if requested := request.get("access-control-request-headers"):
            headers["Access-Control-Allow-Headers"] = requested
        return Response(status_code=204, headers=headers)

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = "*"
                headers["Access-Control-Expose-Headers"] = self._expose
            await send(message)

        return send_with_headers
