"""Blobs from and to Python's own file system (in a page Pyodide's, with whatever is mounted there), piece by piece."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from modelden.errors import InputError
from modelden.ports import Blob, Blobs, Chunk

PIECE = 4 * 1024 * 1024
"""Bytes of a file that Python holds at once."""


class LocalBlob:
    """A file, or a part of it, as a `ports.Blob`. It must not change meanwhile."""

    def __init__(self, path: Path, blobs: Blobs, start: int, end: int) -> None:
        """Read nothing yet."""
        self._path = path
        self._blobs = blobs
        self._start = start
        self._end = max(start, end)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self._end - self._start

    async def read(self) -> bytes:
        """Return all bytes."""
        return self._read(self._start, self._end)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Read the bytes piece by piece."""
        for start in range(self._start, self._end, PIECE):
            piece = self._blobs.from_bytes(self._read(start, min(start + PIECE, self._end)))
            async for chunk in piece.chunks():
                yield chunk

    async def is_json(self) -> bool:
        """Tell whether the bytes are a JSON text."""
        return await self._blobs.from_bytes(await self.read()).is_json()

    def slice(self, start: int, end: int) -> LocalBlob:
        """Return the bytes from ``start`` up to ``end``."""
        return LocalBlob(self._path, self._blobs, self._start + start, min(self._start + end, self._end))

    def _read(self, start: int, end: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


def blob_of(source: object, blobs: Blobs, what: str) -> Blob:
    """Return the bytes that a caller means.

    Args:
        source: A ``Blob`` or ``File`` of the page, a handle of one, bytes, or a path.
        blobs: Makes blobs.
        what: The argument's name, for the error.

    Raises:
        InputError: If it is something else, or no such file.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.is_file():
            raise InputError(f"{what}: there is no file {path}.")
        return LocalBlob(path, blobs, 0, path.stat().st_size)
    if isinstance(source, bytes | bytearray | memoryview):
        return blobs.from_bytes(bytes(source))
    blob = blobs.wrap(source)
    if blob is None:
        raise InputError(f"{what}: expected a Blob or File of the page, bytes or a path, got {type(source).__name__}.")
    return blob


async def write(blob: Blob, path: Path) -> None:
    """Write a file; folders are made, and what was there is replaced when the whole is written.

    Raises:
        OSError: If the file system refuses; nothing is left behind.
    """
    from uuid import uuid4  # slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with unfinished.open("wb") as file:
            # The whole room at once: Pyodide's file system would copy what it has each time when a file grows.
            file.truncate(blob.size)
            async for chunk in blob.chunks():
                for buffer in chunk.buffers():
                    file.write(buffer)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
