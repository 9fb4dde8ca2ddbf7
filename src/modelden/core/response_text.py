"""Text of response bodies, read up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.errors import ResponseTooLarge

if TYPE_CHECKING:
    from modelden.ports import Response


async def read_text(response: Response, url: str, limit: int) -> str:
    """Read a body as UTF-8 text.

    Args:
        response: The response, its body unread.
        url: The requested URL, for the error.
        limit: Largest body, in bytes.

    Raises:
        ResponseTooLarge: At the first byte over the limit.
        NetworkError: If the body ends early.
    """
    return (await read_bytes(response, url, limit)).decode("utf-8", errors="replace")


async def read_bytes(response: Response, url: str, limit: int) -> bytes:
    """Read a body as bytes; arguments and errors are those of `read_text`."""
    body = bytearray()
    async for chunk in response.chunks():
        for buffer in chunk.buffers():
            body += buffer
        if len(body) > limit:
            raise ResponseTooLarge(url, limit)
    return bytes(body)
