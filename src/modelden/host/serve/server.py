"""One origin with everything on it: settings, attachments, certificate chains, hub and site."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from modelden.host.errors import ServeError
from modelden.host.serve.control_app import control_app
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Faults
from modelden.host.serve.hub_app import hub_app
from modelden.host.serve.isolation import isolated
from modelden.host.serve.page_scripts import ASSETS
from modelden.host.serve.path_send import with_path_send
from modelden.host.serve.request_log import RequestLog
from modelden.host.serve.settings_app import EXPOSED, attachments_app, chains_app, settings_app
from modelden.host.serve.site_app import site_app

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from modelden.host.publish.collections import Collections
    from modelden.host.publish.tree import Tree

LOOPBACK = "127.0.0.1"

GRACE_SECONDS = 10
"""Seconds for running requests to end after `serve` gets a signal."""


class Application:
    """The ASGI application of a tree, with request log and faults for tests.

    Attributes:
        collections: The published collections; the next request sees their changes.
        log: The requests so far.
        faults: The injected faults.
    """

    def __init__(
        self,
        tree: Tree,
        site: Path | None = None,
        *,
        switches: bool = False,
        record: bool = True,
        max_age: int = 0,
        compress: bool = False,
        isolate: bool = False,
    ) -> None:
        """Open the tree.

        Args:
            tree: The tree.
            site: Folder of the static site. Without a folder ``modelden`` of its own, that is the wheel's scripts.
            switches: Offer the log, faults and collections over HTTP, without authentication; see
                `modelden.host.serve.control_app.control_app`.
            record: Log requests and apply faults. Without it no memory grows with the number of requests.
            max_age: Seconds for which caches may keep changesets; 0 lets them revalidate each time.
            compress: Compress changesets for clients that accept it.
            isolate: Send the headers that make pages cross-origin isolated, so that they can use threads.

        Raises:
            TreeError: A collection's file is damaged.
            KeysError: The keys cannot be used.
            ServeError: The site's folder is missing.
        """
        self.collections = tree.collections()
        self.log = RequestLog()
        self.faults = Faults()
        settings = settings_app(self.collections, max_age, compress=compress)
        app = with_path_send(Starlette(routes=self._routes(tree, site, settings)))
        if isolate:
            app = isolated(app)
        self._app = self.log.wrap(self.faults.wrap(app)) if record or switches else app
        self._switches: ASGIApp | None = None
        if switches:
            self._switches = control_app(self.log, self.faults, self.collections)

    @property
    def root_hash(self) -> str:
        """Root hash for clients to pin; empty without signatures."""
        signer = self.collections.signer
        return signer.chain.root_hash if signer else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if self._switches and scope["type"] == "http" and scope["path"].startswith("/__"):
            await self._switches(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _routes(self, tree: Tree, site: Path | None, settings: ASGIApp) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            *settings_routes(self.collections, attachments_app(tree.attachments), settings),
            Mount("/hub", hub_app(tree.hub)),
        ]
        if not (site and (site / "config.json").exists()):
            routes.append(Route("/config.json", self._config))
        if site:
            if not (site / "modelden").exists():
                routes.append(Mount("/modelden", site_app(ASSETS)))
            routes.append(Mount("/", site_app(site)))
        return routes

    async def _config(self, request: Request) -> Response:
        """Serve the configuration of the demo page, with the host name of the request."""
        origin = str(request.base_url).rstrip("/")
        config = {
            "settingsServer": f"{origin}/v1",
            "rootHash": self.root_hash,
            "hubRootUrl": f"{origin}/hub",
        }
        return JSONResponse(config, headers={"Cache-Control": "no-cache"})


Application.__module__ = "modelden.host.testing"


def settings_routes(collections: Collections, attachments: ASGIApp, settings: ASGIApp | None = None) -> list[BaseRoute]:
    """Create the routes of a Remote Settings server, with these applications of attachments and of the API."""
    return [
        Route("/v1", AnyOrigin(RedirectResponse("/v1/", 307), EXPOSED)),
        Mount("/v1", settings or settings_app(collections)),
        Mount("/attachments", attachments),
        Mount("/chains", chains_app(collections)),
    ]


class HttpProtocol(H11Protocol):
    """Gives applications their connection, which faults close. ASGI has no message for it."""

    def connection_made(  # type: ignore[override]  # uvicorn serves TCP only
        self, transport: asyncio.Transport
    ) -> None:
        """Store the connection in the state of each request."""
        # asyncio sets TCP_NODELAY only for sockets that name their protocol, and those of `listen` do not. Without it,
        # each response on a reused connection waits 40 ms for the client's acknowledgement of the headers.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class RunningServer:
    """A server in a thread of its own, as a context manager or with `start` and `stop`.

    Sample usage::

        with RunningServer(Application(Tree(folder))) as server:
            httpx.get(f"{server.url}/v1/")
    """

    def __init__(self, app: ASGIApp, *, host: str = LOOPBACK, port: int = 0) -> None:
        """Create a server; `start` opens the port.

        Args:
            app: The application.
            host: The address to listen at.
            port: The port; 0 takes a free one.
        """
        self._app = app
        self._host = host
        self.port = port
        self._running: tuple[_Server, threading.Thread] | None = None

    @property
    def url(self) -> str:
        """The origin, without a final slash."""
        return f"http://localhost:{self.port}"

    def start(self) -> Self:
        """Open the port and serve requests.

        Raises:
            ServeError: The port is in use, or the application cannot be started.
        """
        listener = listen(self._host, self.port)
        self.port = listener.getsockname()[1]
        server = _Server(_config(self._app))
        thread = threading.Thread(target=server.run_in_thread, args=(listener,), daemon=True)
        thread.start()
        server.ready.wait()
        if not server.started:
            thread.join()
            listener.close()
            raise ServeError(f"The server did not start: {server.failure!r}.") from server.failure
        self._running = server, thread
        return self

    def stop(self) -> None:
        """Close the port and all connections. Running requests have a second to end."""
        if self._running:
            server, thread = self._running
            server.should_exit = True
            thread.join()
            self._running = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


RunningServer.__module__ = "modelden.host.testing"


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until a signal stops the process. Running requests then have `GRACE_SECONDS` to end."""
    _Server(_config(app, grace=GRACE_SECONDS)).run([listener])


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Raises:
        ServeError: It is in use, or the address is not of this machine.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ServeError(
            f"Cannot listen at {host}, port {port}: {error.strerror}. Choose another port, or 0 for any free one."
        ) from error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        """Set when requests are served, or the start has failed."""
        self.failure: BaseException | None = None

    def run_in_thread(self, listener: socket.socket) -> None:
        """Serve; a failure of the start is left to the thread that waits for it."""
        try:
            self.run([listener])
        except BaseException as error:
            if self.started:
                raise
            self.failure = error
        finally:
            self.ready.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _config(app: ASGIApp, grace: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=grace,
    )
