"""The server that ``tests/contracts/fetcher.py`` asks: every way in which an answer can come, or not come."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Fault, Faults

BIG = (bytes(range(251)) * 12_000)[:3_000_000]

PATIENCE = 120.0
"""Seconds until the server gives up waiting for what a client should do."""


def fetch_app() -> ASGIApp:
    """A fresh server; it needs real connections (`modelden.host.serve.server.RunningServer`)."""
    faults = Faults()
    faults.set(
        Fault(path="/private", drop_cors=True),
        Fault(path="/closed", close=True),
        Fault(path="/cut", cut_after=1_000_000),
    )
    events = _Events()
    routes = [
        *(Route(path, _text) for path in ("/text", "/private", "/closed")),
        Route("/status/{status:int}", _status),
        Route("/redirect", RedirectResponse("/text")),
        Route("/away", _away),
        Route("/sent", _sent),
        Route("/query", _query),
        *(Route(path, Response(BIG, media_type="application/octet-stream")) for path in ("/big", "/cut")),
        Route("/empty", Response()),
        Route("/slow-body/{seconds:float}", _slow_body),
        Route("/begun-body", _unfinished_body),
        Route("/meet", events.meet),
        Route("/hanging/{name}", events.hanging),
        Route("/endless/{name}", events.endless),
        Route("/begun/{name}", events.report_start),
        Route("/reached/{name}", events.reached),
        Route("/ended/{name}", events.report_end),
    ]
    unexposed = AnyOrigin(Starlette(routes=[Route("/unexposed", _text)]), ())
    exposed = AnyOrigin(Starlette(routes=routes), ("ETag",))
    return faults.wrap(Starlette(routes=[Route("/unexposed", unexposed), Mount("/", exposed)]))


async def _text(_request: Request) -> Response:
    return PlainTextResponse("grüße €😀\n", headers={"ETag": '"the tag"'})


async def _status(request: Request) -> Response:
    status: int = request.path_params["status"]
    return PlainTextResponse(f"error {status}", status)


async def _query(request: Request) -> Response:
    return PlainTextResponse(request.url.query)


async def _away(request: Request) -> Response:
    """To another origin: the same server under its other name."""
    return RedirectResponse(f"http://127.0.0.1:{request.url.port}/sent")


async def _sent(request: Request) -> Response:
    return JSONResponse(dict(request.headers))


async def _slow_body(request: Request) -> Response:
    async def body() -> AsyncIterator[str]:
        for _ in range(4):
            await asyncio.sleep(request.path_params["seconds"] / 4)
            yield "slow"

    return StreamingResponse(body())


async def _unfinished_body(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield bytes(10_000)
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return StreamingResponse(body())


class _Events:
    """The acts of clients: their requests begin, and end when they go away."""

    def __init__(self) -> None:
        self._started: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._ended: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._waiting: asyncio.Event | None = None

    async def hanging(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._started[name].set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._ended[name].set()
        return Response(status_code=499)

    async def endless(self, request: Request) -> Response:
        name = request.path_params["name"]

        async def body() -> AsyncIterator[bytes]:
            self._started[name].set()
            try:
                while True:
                    yield bytes(10_000)
                    await asyncio.sleep(0)
            finally:
                self._ended[name].set()

        return StreamingResponse(body())

    async def meet(self, _request: Request) -> Response:
        """Of two requests, the first is answered when the second comes."""
        if self._waiting is None:
            waiting = self._waiting = asyncio.Event()
            return await _when(waiting)
        self._waiting.set()
        self._waiting = None
        return PlainTextResponse("met")

    async def reached(self, request: Request) -> Response:
        """Answer 200 if a request has begun, without waiting for it."""
        return PlainTextResponse("", 200 if self._started[request.path_params["name"]].is_set() else 404)

    async def report_start(self, request: Request) -> Response:
        return await _when(self._started[request.path_params["name"]])

    async def report_end(self, request: Request) -> Response:
        return await _when(self._ended[request.path_params["name"]])


async def _when(event: asyncio.Event) -> Response:
    try:
        async with asyncio.timeout(PATIENCE):
            await event.wait()
    except TimeoutError:
        return PlainTextResponse("never", 504)
    return PlainTextResponse("met")
