"""Download of one file into a blob, hashed in the same pass. Python holds one chunk at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from modelden.core.progress import Reporter
from modelden.errors import HttpError, IntegrityError
from modelden.ports import Blob, Blobs, Fetcher, Response

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
    digest = hashlib.sha256()
    async for chunk in blob.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
    return digest.hexdigest()


def content_length(response: Response) -> int | None:
    """Return the ``Content-Length`` of a response, the body's length on the wire, or None without one."""
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
