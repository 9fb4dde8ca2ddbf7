"""Limits of time for requests and bodies; bodies as text or bytes up to a size, or as a blob, hashed on the way.

A slow body may take any time. The least speed is that of git and curl by common usage (``http.lowSpeedLimit``,
``--speed-limit``): far below that of any line on which a model would be loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from modelden.core.events import Reporter
from modelden.errors import HttpError, IntegrityError, NetworkError, RequestTimeout, ResponseTooLarge
from modelden.ports import Blob, Blobs, Chunk, Fetcher, Response

LEAST_SPEED = 1024
"""Bytes a second that a body must have, on the average of `SPEED_WINDOW`."""

SPEED_WINDOW = 60.0
"""Seconds over which the speed is measured."""


@asynccontextmanager
async def limit_request(url: str, seconds: float) -> AsyncIterator[None]:
    """End a whole request after a time: connection, headers and body.

    Settings and certificates are small. A server that sends a byte now and then must not hold a page up.

    Args:
        url: The requested URL, for the error.
        seconds: The time limit.

    Raises:
        RequestTimeout: If the time passed.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise RequestTimeout(url, seconds) from error


async def limit_time[C: Chunk](chunks: AsyncIterator[C], url: str, idle_timeout: float) -> AsyncIterator[C]:
    """Read the chunks of a body, within limits of time. Time in which nobody reads the body does not count.

    Args:
        chunks: The body.
        url: The requested URL, for the error.
        idle_timeout: Seconds without a byte after which the body ends.

    Raises:
        NetworkError: If no byte arrives for too long, or too few of them.
    """
    now = asyncio.get_running_loop().time
    waited, received = 0.0, 0
    while True:
        start = now()
        try:
            async with asyncio.timeout(idle_timeout):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise NetworkError(url, f"not a byte came for {idle_timeout:g} s") from error
        waited += now() - start
        received += chunk.size
        yield chunk
        if waited >= SPEED_WINDOW:
            if received < LEAST_SPEED * waited:
                reason = f"only {received} bytes came in {waited:.0f} s, fewer than {LEAST_SPEED} a second"
                raise NetworkError(url, reason)
            waited, received = 0.0, 0


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


TIMEOUT = 30.0
"""Time limit for the response headers, in seconds."""


class DownloadedFile(NamedTuple):
    """A complete response body.

    Attributes:
        blob: The bytes.
        sha256: SHA-256 in lower-case hexadecimal.
        headers: Readable response headers, names in lower case.
    """

    blob: Blob
    sha256: str
    headers: Mapping[str, str]


async def download(
    fetcher: Fetcher, blobs: Blobs, url: str, reporter: Reporter, *, size: int | None = None
) -> DownloadedFile:
    """Download ``url``.

    Args:
        fetcher: Sends the request.
        blobs: Collects the bytes.
        url: Absolute URL.
        reporter: Receives the progress.
        size: Expected size in bytes, if known. No byte beyond it is read.

    Raises:
        NetworkError, RequestTimeout: Without a response, or if it ends early.
        HttpError: For any status but 200.
        IntegrityError: At the first byte over ``size``.
    """
    import hashlib  # slow to import, and texts are not hashed

    async with fetcher.fetch(url, timeout=TIMEOUT) as response:
        if response.status != 200:
            raise HttpError(url, response.status)
        total = size if size is not None else content_length(response)
        digest = hashlib.sha256()
        parts: list[Blob] = []
        loaded = 0
        async for chunk in response.chunks():
            for buffer in chunk.buffers():
                digest.update(buffer)
            # One blob per chunk: browsers keep large blobs on disk, a typed array stays in the page's memory.
            parts.append(blobs.join([chunk], ""))
            loaded += chunk.size
            if size is not None and loaded > size:
                raise IntegrityError(url, f"{size} bytes", f"more than {loaded - 1} bytes")
            reporter.advance(chunk.size, total)
        content_type = response.headers.get("content-type", "")
        return DownloadedFile(blobs.join(parts, content_type), digest.hexdigest(), response.headers)


async def sha256_of(blob: Blob) -> str:
    """Return the SHA-256 of a blob in lower-case hexadecimal."""
    import hashlib

    digest = hashlib.sha256()
    async for chunk in blob.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
    return digest.hexdigest()


async def git_oid_of(blob: Blob) -> str:
    """Return the name of a blob as a git object: the SHA-1 of a header with its size, and its bytes."""
    import hashlib

    digest = hashlib.sha1(b"blob %d\0" % blob.size, usedforsecurity=False)
    async for chunk in blob.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
    return digest.hexdigest()


def content_length(response: Response) -> int | None:
    """Return the ``Content-Length`` of a response, the body's length on the wire, or None without one."""
    return parse_whole(response.headers.get("content-length", ""))


_MAX_DIGITS = 18
"""Most digits of a number in a header."""


def parse_whole(text: str) -> int | None:
    """Return the number that a header's decimal digits say; None for anything else.

    Python refuses to read thousands of digits. No file has more bytes than `_MAX_DIGITS` digits say.
    """
    return int(text) if len(text) <= _MAX_DIGITS and text.isascii() and text.isdecimal() else None
