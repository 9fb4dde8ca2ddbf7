"""One file from a URL into a blob, hashed in the same pass. Python sees one chunk at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from modelden.core.progress import Reporter
from modelden.errors import HttpError, IntegrityError
from modelden.ports import Blob, Blobs, Fetcher, Response

TIMEOUT = 30.0
"""Seconds until the headers must be there."""


class Downloaded(NamedTuple):
    """A complete body.

    Attributes:
        blob: Its bytes.
        sha256: Their SHA-256 in lower-case hexadecimal.
        headers: The response's readable headers, names in lower case.
    """

    blob: Blob
    sha256: str
    headers: Mapping[str, str]


async def download(
    fetcher: Fetcher, blobs: Blobs, url: str, reporter: Reporter, *, size: int | None = None
) -> Downloaded:
    """Fetch ``url`` as a whole.

    Args:
        fetcher: Does the request.
        blobs: Collects the bytes.
        url: Absolute URL.
        reporter: Told of each piece.
        size: The size in bytes when it is known beforehand; more bytes are not read.

    Raises:
        NetworkError, RequestTimeout: If there is no answer, or if it ends early.
        HttpError: For any status but 200.
        IntegrityError: At the first byte over ``size``.
    """
    async with fetcher.fetch(url, timeout=TIMEOUT) as response:
        if response.status != 200:
            raise HttpError(url, response.status)
        total = size if size is not None else announced_length(response)
        digest = hashlib.sha256()
        parts: list[Blob] = []
        loaded = 0
        async for chunk in response.chunks():
            for buffer in chunk.buffers():
                digest.update(buffer)
            # A blob at once: browsers keep large ones on disk, a typed array stays in the page's memory.
            parts.append(blobs.join([chunk], ""))
            loaded += chunk.size
            if size is not None and loaded > size:
                raise IntegrityError(url, f"{size} bytes", f"more than {loaded - 1} bytes")
            reporter.advance(chunk.size, total)
        content_type = response.headers.get("content-type", "")
        return Downloaded(blobs.join(parts, content_type), digest.hexdigest(), response.headers)


async def sha256_of(blob: Blob) -> str:
    """Hash bytes that were stored; in lower-case hexadecimal."""
    digest = hashlib.sha256()
    async for chunk in blob.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
    return digest.hexdigest()


def announced_length(response: Response) -> int | None:
    """Return the body's length on the wire, when the server tells it."""
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
