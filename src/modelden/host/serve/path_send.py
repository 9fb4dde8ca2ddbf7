"""Send files with as few trips to a thread as can be: one for a file of up to a megabyte.

Starlette's `FileResponse` makes four (open, two reads, close), and there goes most of the time of a small file. To a
server with the ASGI extension ``http.response.pathsend`` it hands the path instead; this is that extension.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from anyio import create_task_group, to_thread

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EXTENSION = "http.response.pathsend"
_PIECE = 1024 * 1024


def with_path_send(app: ASGIApp) -> ASGIApp:
    """The same application, on a server that sends files by their path."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_path(message: Message) -> None:
            if message["type"] == _EXTENSION:
                await _send_file(message["path"], receive, send)
            else:
                await send(message)

        await app({**scope, "extensions": {**scope.get("extensions", {}), _EXTENSION: {}}}, receive, send_path)

    return sending


async def _send_file(path: str, receive: Receive, send: Send) -> None:
    with closing(_pieces(path)) as pieces:
        piece, more = await to_thread.run_sync(next, pieces)
        await send({"type": "http.response.body", "body": piece, "more_body": more})
        if more:
            await _send_rest(pieces, receive, send)


async def _send_rest(pieces: Generator[tuple[bytes, bool]], receive: Receive, send: Send) -> None:
    """Send until the end, or until the client goes away: a server takes what nobody reads without a word."""

    async def stream() -> None:
        more = True
        while more:
            piece, more = await to_thread.run_sync(next, pieces)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
        both.cancel_scope.cancel()

    async with create_task_group() as both:
        both.start_soon(stream)
        while (await receive())["type"] != "http.disconnect":
            pass
        both.cancel_scope.cancel()


def _pieces(path: str) -> Generator[tuple[bytes, bool]]:
    """The file's bytes, each piece with whether another one follows; open and read in one call of `next`."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  a path as Starlette gives it
        piece = file.read(_PIECE)
        while len(piece) == _PIECE and (following := file.read(_PIECE)):
            yield piece, True
            piece = following
    yield piece, False
