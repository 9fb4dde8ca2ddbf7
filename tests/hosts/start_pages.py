"""The starts of `docs/hosts.md` on a server of the test: the pages word for word, with addresses of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from host_pages import host_pages

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SERVER = "https://models.example"
ROOT_HASH = "ROOT_HASH"

_PYODIDE = re.compile(r"https://cdn\.jsdelivr\.net/pyodide/v[\d.]+/full/")
_PYSCRIPT = re.compile(r"https://pyscript\.net/releases/[\d.]+/")
_START = re.compile(r"/start/([^/]+)/([^/]+)")

_TYPES = {"html": "text/html", "js": "text/javascript", "mjs": "text/javascript", "py": "text/x-python"}

NOTEBOOKS = {"/marimo/", "/marimo/index.html", "/jupyterlite/files/search.ipynb"}
"""Files of hosts' sites that have a start in them."""


def local(text: str, origin: str, root_hash: str) -> str:
    """Put server and root hash into a text; marimo's page has its notebook as a component of a URL."""
    for server, address in ((SERVER, origin), (quote(SERVER, safe=""), quote(origin, safe=""))):
        text = text.replace(server, address)
    return text.replace(ROOT_HASH, root_hash)


class StartPages:
    """Answers ``/start/DISTRIBUTION/NAME`` with a start for this Pyodide, and puts the server into hosts' notebooks."""

    def __init__(self, app: ASGIApp, root_hash: str) -> None:
        """Answer nothing yet: the origin is known with the first request."""
        self._app = app
        self._root_hash = root_hash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = str(Request(scope).base_url).rstrip("/")
        if match := _START.fullmatch(scope["path"]):
            distribution, name = match.groups()
            text = _PYODIDE.sub(f"{origin}/{distribution}/", host_pages()[name])
            text = local(_PYSCRIPT.sub(f"{origin}/pyscript/", text), origin, self._root_hash)
            await Response(text, media_type=_TYPES[name.rpartition(".")[2]])(scope, receive, send)
        elif scope["path"] == "/favicon.ico":
            await Response(status_code=204)(scope, receive, send)  # else each first visit has an error in its console
        elif scope["path"] in NOTEBOOKS:
            body = await self._body(scope, receive)
            await Response(local(body.decode(), origin, self._root_hash), media_type="text/html")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The application's answer, whole and uncompressed."""
        headers = [(name, value) for name, value in scope["headers"] if name in {b"host", b"accept"}]
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            parts.append(message.get("body", b""))

        await self._app({**scope, "headers": headers, "extensions": {}}, receive, collect)
        return b"".join(parts)
