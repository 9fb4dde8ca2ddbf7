"""Blobs from and to Python's file system, a chunk at a time. In a page it is Pyodide's, with its mounts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from modelden.core.arguments import show
from modelden.errors import InputError
from modelden.ports import Blob, Blobs, Chunk

CHUNK_SIZE = 4 * 1024 * 1024
"""Bytes of a file that Python holds at once."""


class LocalBlob:
    """A file, or a part of it, as a `ports.Blob`. The file must not change while it is in use."""

    def __init__(self, path: Path, blobs: Blobs, start: int, end: int) -> None:
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
        """Read the bytes chunk by chunk."""
        for start in range(self._start, self._end, CHUNK_SIZE):
            part = self._blobs.from_bytes(self._read(start, min(start + CHUNK_SIZE, self._end)))
            async for chunk in part.chunks():
                yield chunk

    async def is_json(self) -> bool:
        """Return True if the bytes are a JSON text."""
        return await self._blobs.from_bytes(await self.read()).is_json()

    def slice(self, start: int, end: int) -> LocalBlob:
        """Return the bytes from ``start`` up to ``end``."""
        return LocalBlob(self._path, self._blobs, self._start + start, min(self._start + end, self._end))

    def _read(self, start: int, end: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


def to_blob(source: object, blobs: Blobs, argument: str) -> Blob:
    """Return an argument of the caller as a blob.

    Args:
        source: A ``Blob`` or ``File`` of the page, a handle of one, bytes, or a path.
        blobs: Factory of blobs.
        argument: The argument's name, for error messages.

    Raises:
        InputError: For another type, or if there is no such file.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if "\0" in str(path) or not path.is_file():
            raise InputError(f"{argument}: there is no file {show(str(path))}.")
        return LocalBlob(path, blobs, 0, path.stat().st_size)
    if isinstance(source, bytes | bytearray | memoryview):
        try:
            return blobs.from_bytes(bytes(source))
        except ValueError as error:  # a view that was released
            raise InputError(f"{argument}: {error}.") from error
    blob = blobs.wrap(source)
    if blob is None:
        kind = type(source).__name__
        raise InputError(f"{argument}: expected a Blob or File of the page, bytes or a path, got {kind}.")
    return blob


async def write_file(blob: Blob, path: Path) -> None:
    """Write a blob to a file. Missing folders are created. An older file is replaced once all bytes are written.

    Raises:
        InputError: If the file system refuses. Nothing is left behind.
    """
    try:
        await _write_file(blob, path)
    except (OSError, ValueError) as error:  # a NUL in the path is a ValueError
        raise InputError(f"{path} cannot be written: {error}.") from error


def check_folder[T](name: str, path: T) -> T:
    """Return ``path`` if it is None or a path.

    Raises:
        InputError: If it is neither.
    """
    if not (path is None or isinstance(path, str | os.PathLike)):
        raise InputError(f"{name}: expected a path, got {show(path)}.")
    return path


def check_path(name: str, path: object) -> None:
    """Check that ``path`` is a path; errors as `check_folder`."""
    check_folder(name, 0 if path is None else path)


async def _write_file(blob: Blob, path: Path) -> None:
    from uuid import uuid4  # slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with unfinished.open("wb") as file:
            # The full size at once: Pyodide's file system copies a file each time it grows.
            file.truncate(blob.size)
            async for chunk in blob.chunks():
                for buffer in chunk.buffers():
                    file.write(buffer)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
