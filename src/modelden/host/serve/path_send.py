"""The ASGI extension ``http.response.pathsend``, with one call into a thread for a file of up to a megabyte.

Starlette's `FileResponse` makes four calls (open, two reads, close), which is most of the time of a small file. To a
server with this extension it sends the path instead.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from anyio import create_task_group, to_thread

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EXTENSION = "http.response.pathsend"
_CHUNK_SIZE = 1024 * 1024


def with_path_send(app: ASGIApp) -> ASGIApp:
    """Wrap an application, on a server that sends files by their path."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_path(message: Message) -> None:
            if message["type"] == _EXTENSION:
                await _send_file(message["path"], receive, send)
            else:
                await send(message)

        await app({**scope, "extensions": {**scope.get("extensions", {}), _EXTENSION: {}}}, receive, send_path)

    return sending


async def _send_file(path: str, receive: Receive, send: Send) -> None:
    with closing(_chunks(path)) as chunks:
        chunk, more = await to_thread.run_sync(next, chunks)
        await send({"type": "http.response.body", "body": chunk, "more_body": more})
        if more:
            await _send_remaining(chunks, receive, send)


async def _send_remaining(chunks: Generator[tuple[bytes, bool]], receive: Receive, send: Send) -> None:
    """Send until the end, or until the client disconnects. uvicorn accepts data for a closed connection silently."""

    async def stream() -> None:
        more = True
        while more:
            chunk, more = await to_thread.run_sync(next, chunks)
            await send({"type": "http.response.body", "body": chunk, "more_body": more})
        tasks.cancel_scope.cancel()

    async with create_task_group() as tasks:
        tasks.start_soon(stream)
        while (await receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()


def _chunks(path: str) -> Generator[tuple[bytes, bool]]:
    """Yield the file's bytes, each chunk with a flag for a following one. One call of `next` opens and reads."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  a path as Starlette gives it
        chunk = file.read(_CHUNK_SIZE)
        while len(chunk) == _CHUNK_SIZE and (next_chunk := file.read(_CHUNK_SIZE)):
            yield chunk, True
            chunk = next_chunk
    yield chunk, False
