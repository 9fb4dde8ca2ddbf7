"""Fault injection: rules that let requests of a server fail in a chosen way."""

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
    """One rule: the matching requests, and their fault. Several faults in one rule are combined.

    Attributes:
        path: Glob over the path without query; ``*`` matches ``/`` too.
        method: Match only this method.
        times: Maximum number of faults; None for no limit. Browsers repeat a request by themselves when a reused
            connection is closed before the response, Firefox up to nine times.
        delay_ms: Wait before anything else, in milliseconds.
        close: Close the connection without a response.
        redirect: Respond with a redirect (302, or `status`) to this URL.
        status: Respond with this status and a short text, or with `body`.
        body: Send this body in place of the real one, with the real headers.
        cut_after: Announce the real length, send this number of bytes of the body, then close.
        drop_cors: Remove all ``Access-Control-*`` headers.
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
        """Match a request."""
        return fnmatchcase(scope["path"], self.path) and self.method in (None, scope["method"])

    def response_app(self) -> ASGIApp | None:
        """Create the response that replaces the real one; None if the real one is needed."""
        response: Response
        if self.redirect is not None:
            response = RedirectResponse(self.redirect, self.status or 302)
        elif self.status is not None:
            text = f"error {self.status}" if self.body is None else self.body
            response = PlainTextResponse(text, self.status)
        else:
            return None
        return AnyOrigin(response, ())


Fault.__module__ = "modelden.host.testing"


class Faults:
    """The active rules. The first matching rule is applied."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def set(self, *faults: Fault) -> None:
        """Replace all rules by these."""
        self._rules = [_Rule(fault, fault.times) for fault in faults]

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application, with these faults."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            fault = self._next_fault(scope) if scope["type"] == "http" else None
            if fault is None:
                await app(scope, receive, send)
                return
            if fault.delay_ms:
                await asyncio.sleep(fault.delay_ms / 1000)
            if fault.close:
                await _disconnect(scope, receive)
                return
            sender = _FaultySender(fault, scope, send)
            await (fault.response_app() or app)(scope, receive, sender)
            if sender.cut:
                await _disconnect(scope, receive)

        return faulty

    def _next_fault(self, scope: Scope) -> Fault | None:
        for rule in self._rules:
            if rule.remaining != 0 and rule.fault.matches(scope):
                if rule.remaining is not None:
                    rule.remaining -= 1
                return rule.fault
        return None


@dataclass(slots=True)
class _Rule:
    fault: Fault
    remaining: int | None


@dataclass(slots=True)
class _FaultySender:
    """Forwards a response with changed headers, and with its body replaced or cut."""

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
        # Otherwise browsers use a cached fault after its end.
        headers["Cache-Control"] = "no-store"
        if self.fault.drop_cors:
            for name in [header for header in headers if header.startswith("access-control-")]:
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
    """Return the connection that `modelden.host.serve.server.HttpProtocol` stores. ASGI does not define it."""
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


async def _disconnect(scope: Scope, receive: Receive) -> None:
    """Close the connection, and return when the server has noticed. Otherwise it would respond with 500."""
    _transport(scope).close()
    while (await receive())["type"] != "http.disconnect":
        pass
