"""A log of requests, in order of arrival, for tests."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class LoggedRequest:
    """One request.

    Attributes:
        method: HTTP method.
        host: The ``Host`` header.
        path: Raw path with its query.
        status: Status of the response; None before the response, and after a close without one.
        bytes: Sent bytes of the body so far; 0 for HEAD.
        complete: The whole response was sent. False while it is sent, after the client disconnected, and after a cut
            connection.
    """

    method: str
    host: str
    path: str
    status: int | None = None
    bytes: int = 0
    complete: bool = False

    def count(self, message: Message) -> None:
        """Count a message of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            if self.method != "HEAD":
                self.bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)


class RequestLog:
    """The requests to one or more applications."""

    def __init__(self) -> None:
        self._entries: list[LoggedRequest] = []

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application, with its requests logged here."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            entry = _entry(scope)
            self._entries.append(entry)

            async def count(message: Message) -> None:
                # The entry changes before the bytes are sent: a client with the whole response finds it complete.
                before = replace(entry)
                entry.count(message)
                try:
                    await send(message)
                except BaseException:  # cancelled while it waited for the client to read
                    entry.bytes, entry.complete = before.bytes, before.complete
                    raise

            await app(scope, receive, count)

        return logged

    def entries(self) -> list[LoggedRequest]:
        """Copy the entries so far."""
        return [replace(entry) for entry in self._entries]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the entries as plain JSON data."""
        return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Delete the entries so far."""
        self._entries.clear()


def _entry(scope: Scope) -> LoggedRequest:
    path = scope["raw_path"].split(b"?")[0].decode("ascii")
    query = scope["query_string"].decode("ascii")
    host = Headers(scope=scope).get("host", "")
    return LoggedRequest(scope["method"], host, f"{path}?{query}" if query else path)
