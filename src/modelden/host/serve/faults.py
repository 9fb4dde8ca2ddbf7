"""Faults on purpose: what a client must survive, as rules over the requests of a server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from modelden.host.serve.cors import AnyOrigin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule: which requests, and what goes wrong. Several faults of one rule are combined.

    Attributes:
        path: Glob over the path without query; ``*`` matches ``/`` too.
        method: Only this method.
        times: Only so often; always without it. Mind that browsers repeat a request by themselves
            when a reused connection is closed before the answer, Firefox up to nine times.
        delay_ms: Wait so long before anything else.
        close: Close the connection instead of answering.
        redirect: Answer with a redirect (302, or `status`) to this URL.
        status: Answer with this status and a short text, or with `body`.
        body: Send this body in place of the real one, under the real headers.
        cut_after: Announce the whole length, send so many bytes of the body, then close.
        drop_cors: Leave out all ``Access-Control-*`` headers.
    """

    path: str
    method: str | None = None
    times: int | None = None
    delay_ms: int = 0
    close: bool = False
    redirect: str | None = None
    status: int | None = None
    body: str | None = None
    cut_after: int | None = None
    drop_cors: bool = False

    def matches(self, scope: Scope) -> bool:
        """Whether a request is meant."""
        return fnmatchcase(scope["path"], self.path) and self.method in (None, scope["method"])

    def answer(self) -> ASGIApp | None:
        """The whole answer, where it does not need the real one."""
        response: Response
        if self.redirect is not None:
            response = RedirectResponse(self.redirect, self.status or 302)
        elif self.status is not None:
            text = f"error {self.status}" if self.body is None else self.body
            response = PlainTextResponse(text, self.status)
        else:
            return None
        return AnyOrigin(response, ())


class Faults:
    """The rules in force. The first that matches a request is applied."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def set(self, *faults: Fault) -> None:
        """Put these rules in place of all others."""
        self._rules = [_Rule(fault, fault.times) for fault in faults]

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The same application, with faults."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            fault = self._take(scope) if scope["type"] == "http" else None
            if fault is None:
                await app(scope, receive, send)
                return
            if fault.delay_ms:
                await asyncio.sleep(fault.delay_ms / 1000)
            if fault.close:
                await _hang_up(scope, receive)
                return
            sender = _Sender(fault, scope, send)
            await (fault.answer() or app)(scope, receive, sender)
            if sender.cut:
                await _hang_up(scope, receive)

        return faulty

    def _take(self, scope: Scope) -> Fault | None:
        for rule in self._rules:
            if rule.left != 0 and rule.fault.matches(scope):
                if rule.left is not None:
                    rule.left -= 1
                return rule.fault
        return None


@dataclass(slots=True)
class _Rule:
    fault: Fault
    left: int | None


@dataclass(slots=True)
class _Sender:
    """Passes an answer on with its headers changed, its body replaced or cut."""

    fault: Fault
    scope: Scope
    send: Send
    cut: bool = False
    _replacement: bytes | None = field(default=None, init=False)
    _sent: int = field(default=0, init=False)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self.cut:
            await self._body(message.get("body", b""), more=message.get("more_body", False))

    async def _start(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        # or a browser goes on using it when the fault is over
        headers["Cache-Control"] = "no-store"
        if self.fault.drop_cors:
            for name in [each for each in headers if each.startswith("access-control-")]:
                del headers[name]
        if self.fault.body is not None and message["status"] == 200:
            self._replacement = self.fault.body.encode()
            headers["Content-Length"] = str(len(self._replacement))
        await self.send(message)

    async def _body(self, body: bytes, *, more: bool) -> None:
        if self._replacement is not None:
            if more:
                return
            body = self._replacement
        limit = self.fault.cut_after
        if limit is not None and self._sent + len(body) > limit:
            body, more, self.cut = body[: limit - self._sent], True, True
        self._sent += len(body)
        await self.send({"type": "http.response.body", "body": body, "more_body": more})
        if self.cut:
            _transport(self.scope).close()


def _transport(scope: Scope) -> asyncio.Transport:
    """The connection, which `modelden.host.serve.server.HttpProtocol` leaves here; ASGI has no name for it."""
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection, and return when the server has noticed, or it would answer 500."""
    _transport(scope).close()
    while (await receive())["type"] != "http.disconnect":
        pass
