"""The edge before Kinto: attachments and certificate chains as a CDN serves them, and the list of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from webob import Request, Response
from webob.static import DirectoryApp

from .control import read_control

type Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

MAINTENANCE_PAGE = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>\n"


class Edge:
    """A WSGI application around Kinto's. ``GET /__requests__`` tells, and forgets, the paths asked for so far."""

    def __init__(self, app: Wsgi, state: Path) -> None:
        self._app = app
        self._state = state
        self._attachments = DirectoryApp(str(state / "attachments"), index_page=None)
        self._requests: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self._app_for(request)(environ, start_response)

    def _app_for(self, request: Any) -> Wsgi:
        if request.path_info == "/__requests__":
            log, self._requests = self._requests, []
            return _wsgi(Response(json=log))
        # what the tests themselves ask is told apart by its name
        if request.method == "GET" and request.user_agent != "tests":
            self._requests.append(request.path_qs)
        if read_control(self._state)["maintenance"] == "edge" and request.user_agent != "tests":
            return _wsgi(Response(MAINTENANCE_PAGE, status=503, content_type="text/html"))
        if request.path_info.startswith("/chains/"):
            return self._chain(request.path_info.split("/")[2])
        if request.path_info.startswith("/attachments/"):
            return self._attachment(request)
        return self._app

    def _chain(self, name: str) -> Wsgi:
        pem = (self._state / "signers" / name / "chain.pem").read_bytes()
        return _readable(Response(pem, content_type="binary/octet-stream"))

    def _attachment(self, request: Any) -> Wsgi:
        inner = Request(dict(request.environ))
        inner.path_info = inner.path_info.removeprefix("/attachments")
        response = inner.get_response(self._attachments)
        if read_control(self._state)["corrupt"]:
            body = bytearray(response.body)
            body[len(body) // 2] ^= 1
            response.body = bytes(body)
        return _readable(response)


def _readable(response: Any) -> Wsgi:
    response.headers["Access-Control-Allow-Origin"] = "*"
    return _wsgi(response)


def _wsgi(response: Any) -> Wsgi:
    wsgi: Wsgi = response
    return wsgi
