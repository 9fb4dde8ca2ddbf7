"""Cross-origin headers, as an ASGI middleware.

Not Starlette's ``CORSMiddleware``: it answers with ``Access-Control-Allow-Origin`` only when the
request carried ``Origin``. Without ``Vary``, a browser's cache then hands the answer of a
same-origin request to a page of another port, which cannot read it, and model files are cached for
a year. Here every answer carries the headers, errors included.
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
    """Lets pages of every origin read, with these headers exposed, and answers preflights."""

    def __init__(self, app: ASGIApp, expose: Sequence[str]) -> None:
        # errors of the application become answers here, inside, so that a page can read them too
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
        # nothing here depends on who asks, so any header may be sent, as with Kinto
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        }
        if asked := request.get("access-control-request-headers"):
            headers["Access-Control-Allow-Headers"] = asked
        return Response(status_code=204, headers=headers)

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = "*"
                headers["Access-Control-Expose-Headers"] = self._expose
            await send(message)

        return send_with_headers
