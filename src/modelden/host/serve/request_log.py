"""What was asked of the server, in order of arrival."""

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
        path: Path as it was sent, with its query.
        status: Status of the answer; None while there is none, and after a close without one.
        bytes: Bytes of the body that were sent so far, none of them for HEAD.
        complete: The whole answer was sent. False means that it is under way, that the client went
            away or that the connection was cut.
    """

    method: str
    host: str
    path: str
    status: int | None = None
    bytes: int = 0
    complete: bool = False

    def count(self, message: Message) -> None:
        """Take in a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            if self.method != "HEAD":
                self.bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)


class RequestLog:
    """Requests to one or more applications."""

    def __init__(self) -> None:
        self._entries: list[LoggedRequest] = []

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The same application, logged here."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            entry = _entry(scope)
            self._entries.append(entry)

            async def count(message: Message) -> None:
                # first the entry, then the bytes: who has the whole answer finds it in the log
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
        """Copies of the entries so far."""
        return [replace(entry) for entry in self._entries]

    def to_json(self) -> list[dict[str, Any]]:
        """The entries as plain JSON data."""
        return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget the entries so far."""
        self._entries.clear()


def _entry(scope: Scope) -> LoggedRequest:
    path = scope["raw_path"].split(b"?")[0].decode("ascii")
    query = scope["query_string"].decode("ascii")
    host = Headers(scope=scope).get("host", "")
    return LoggedRequest(scope["method"], host, f"{path}?{query}" if query else path)
