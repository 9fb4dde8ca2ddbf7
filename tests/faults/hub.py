"""A hub that goes wrong on request. Sample usage::

hub = FaultyHub({"/org/model/v1/model.onnx": body})
with RunningServer(hub) as server:
    hub.next(Fault(cut_after=1_000_000), Fault(status=503, retry_after=1))
    ...
    assert hub.served("/org/model/v1/model.onnx") <= len(body) + CHUNK
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PIECE = 64 * 1024
LOOK_SECONDS = 0.01

EXPOSED = "ETag, X-ETag-Digest, X-Linked-ETag, X-Error-Code, Content-Range, Retry-After"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The fault of one GET.

    Attributes:
        cut_after: Send so many bytes of the body, then close the connection.
        stall_after: Send so many bytes, then nothing until the client goes.
        close: Close the connection without an answer.
        status: Answer with this status and a short text.
        retry_after: Seconds, as ``Retry-After``.
        html: Answer 200 with a web page, as servers of single-page applications do.
        body: Other bytes, under the real entity tag.
        announce: Bytes more (or less) than there are are announced; less are sent then.
        gzip: Content-Encoding.
        chunked: No Content-Length.
        etag: Another entity tag; empty for none.
        promise: ``X-ETag-Digest``, by which a hub says that its tags are hashes; empty for none.
        linked_etag: ``X-Linked-ETag``.
        ignore_range: Answer 200 with everything.
        content_range: Instead of the right one; empty for none.
        cors: False leaves out ``Access-Control-Allow-Origin``.
        expose: False lets pages read the simple headers only.
        redirect: To this URL.
    """

    cut_after: int | None = None
    stall_after: int | None = None
    close: bool = False
    status: int | None = None
    retry_after: int | None = None
    html: bool = False
    body: bytes | None = None
    announce: int = 0
    gzip: bool = False
    chunked: bool = False
    etag: str | None = None
    promise: str = "sha-256"
    linked_etag: str | None = None
    ignore_range: bool = False
    content_range: str | None = None
    cors: bool = True
    expose: bool = True
    redirect: str | None = None


@dataclass(slots=True)
class Request:
    """One request, with the bytes of its body that were sent, and whether the client left before the last one."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0
    left: bool = False


@dataclass
class FaultyHub:
    """An ASGI application for `modelden.host.serve.server.RunningServer`.

    Attributes:
        files: Bodies by path.
        always: What goes wrong with every GET.
        rate: Bytes a second, or None for as fast as it goes.
        limit: So many bytes of a file are sent in all, whoever asks for it; then its answers wait. Unlike a rate, this
            leaves nothing to chance on a slow machine.
        preflight: False refuses every preflight.
        log: The requests so far, preflights included.
        client_disconnect: Set when a client leaves an answer that stalls or would have.
    """

    files: dict[str, bytes]
    always: Fault = field(default_factory=Fault)
    rate: float | None = None
    limit: int | None = None
    preflight: bool = True
    log: list[Request] = field(default_factory=list)
    client_disconnect: threading.Event = field(default_factory=threading.Event)
    _next: deque[Fault] = field(default_factory=deque)

    def next(self, *faults: Fault) -> None:
        """Set the faults of the next GETs, one each."""
        self._next.extend(faults)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self._next.clear()
        self.always, self.rate, self.limit, self.preflight = Fault(), None, None, True

    def served(self, path: str) -> int:
        """Bytes of a file's bodies that were sent so far."""
        return sum(request.sent for request in self.log if request.path == path and request.method == "GET")

    def room(self, path: str) -> int:
        """Bytes of a file that may be sent still."""
        return sys.maxsize if self.limit is None else self.limit - self.served(path)

    def at_limit(self, path: str) -> bool:
        """True if the file's answers wait."""
        return self.room(path) < PIECE

    def last(self, path: str) -> Request:
        """The last request for a file's bytes."""
        return next(request for request in reversed(self.log) if request.path == path and request.method == "GET")

    def asked(self, method: str = "GET") -> list[str]:
        """The paths that were asked for, each with its range, if it had one."""
        return [
            " ".join([request.path, *([request.headers["range"]] if "range" in request.headers else [])])
            for request in self.log
            if request.method == method
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(Headers(scope=scope))
        request = Request(scope["method"], scope["path"], headers)
        self.log.append(request)
        answer = _Answer(self, request, scope, receive, send)
        if request.method == "OPTIONS":
            await answer.preflight()
        else:
            fault = self._next.popleft() if self._next and request.method == "GET" else self.always
            await answer.send(fault)


@dataclass
class _Answer:
    hub: FaultyHub
    request: Request
    scope: Scope
    receive: Receive
    send_message: Send

    async def preflight(self) -> None:
        headers = {"Access-Control-Allow-Methods": "GET, HEAD", "Content-Length": "0"}
        if self.hub.preflight:
            asked = self.request.headers.get("access-control-request-headers", "")
            headers |= {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": asked}
        await self._start(204 if self.hub.preflight else 403, headers)
        await self._body(b"")

    async def send(self, fault: Fault) -> None:
        if fault.close:
            await self._hang_up()
            return
        headers = {"Cache-Control": "no-store"}
        if fault.cors:
            headers["Access-Control-Allow-Origin"] = "*"
        if fault.expose:
            headers["Access-Control-Expose-Headers"] = EXPOSED
        status, body = self._content(fault, headers)
        if self.request.method == "HEAD":
            headers["Content-Length"] = str(len(body))
            body = b""
        elif not fault.chunked:
            headers["Content-Length"] = str(len(body) + fault.announce)
            body = body[: len(body) + min(fault.announce, 0)]
        await self._start(status, headers)
        await self._stream(body, fault)

    def _content(self, fault: Fault, headers: dict[str, str]) -> tuple[int, bytes]:
        whole = self.hub.files.get(self.request.path)
        if fault.retry_after is not None:
            headers["Retry-After"] = str(fault.retry_after)
        if fault.redirect is not None:
            headers["Location"] = fault.redirect
            return 302, b""
        if fault.status is not None or whole is None:
            return fault.status or 404, b"no file"
        headers["Content-Type"] = "application/octet-stream"
        etag = f'"{_sha256(whole)}"' if fault.etag is None else fault.etag
        if etag:
            headers["ETag"] = etag
        if fault.promise:
            headers["X-ETag-Digest"] = fault.promise
        if fault.linked_etag is not None:
            headers["X-Linked-ETag"] = fault.linked_etag
        if fault.html:
            headers["Content-Type"] = "text/html"
            return 200, b"<!DOCTYPE html>\n<title>Not found</title>" + b" " * 100
        body = whole if fault.body is None else fault.body
        if fault.gzip:
            headers["Content-Encoding"] = "gzip"
            return 200, gzip.compress(body, 1)
        return self._range(fault, headers, body, etag)

    def _range(self, fault: Fault, headers: dict[str, str], body: bytes, etag: str) -> tuple[int, bytes]:
        wanted = self.request.headers.get("range")
        if wanted is None or fault.ignore_range or self.request.headers.get("if-range", etag) != etag:
            return 200, body
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if first >= len(body):
            headers["Content-Range"] = f"bytes */{len(body)}"
            return 416, b""
        right = f"bytes {first}-{len(body) - 1}/{len(body)}"
        if fault.content_range != "":
            headers["Content-Range"] = fault.content_range or right
        return 206, body[first:]

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.request.status = status
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send_message({"type": "http.response.start", "status": status, "headers": raw})

    async def _stream(self, body: bytes, fault: Fault) -> None:
        end = min(x for x in (fault.cut_after, fault.stall_after, len(body)) if x is not None)
        due = time.monotonic()
        disconnect = asyncio.ensure_future(self._disconnect())
        for start in range(0, end, PIECE):
            piece = body[start : min(start + PIECE, end)]
            while self.hub.room(self.request.path) < len(piece) and not disconnect.done():  # noqa: ASYNC110  a thread's limit
                await asyncio.sleep(LOOK_SECONDS)
            if disconnect.done():  # the server would take the rest without a word, and it would be counted
                self.request.left = True
                break
            await self._body(piece, more=True)
            self.request.sent += len(piece)
            if self.hub.rate is not None:
                # By the clock: what a sleep takes too long, the next one makes good.
                due += len(piece) / self.hub.rate
                await asyncio.sleep(max(due - time.monotonic(), 0))
        if fault.stall_after is not None:
            await disconnect
            self.hub.client_disconnect.set()
        elif self.request.left:
            return
        elif fault.cut_after is not None or fault.announce > 0:
            await self._hang_up()
        else:
            await self._body(b"")

    async def _disconnect(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _body(self, data: bytes, *, more: bool = False) -> None:
        await self.send_message({"type": "http.response.body", "body": data, "more_body": more})

    async def _hang_up(self) -> None:
        transport: asyncio.Transport = self.scope["state"]["transport"]
        transport.close()
        await self._disconnect()  # or the server would answer 500


@lru_cache
def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
