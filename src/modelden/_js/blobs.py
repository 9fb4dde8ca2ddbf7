"""`ports.Chunk`, `ports.Blob` and `ports.Blobs` over the browser's typed arrays and Blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

from js import Array, Blob, Response, TransformStream, Uint8Array
from pyodide.ffi import JsException

from modelden import ports
from modelden._js.ffi import js_bytes, js_class, js_name, js_object, map_exceptions
from modelden.errors import DataRemoved, StorageUnavailable

READ_SIZE = 4 * 1024 * 1024
"""Bytes of a blob that are read together."""

BUFFER_SIZE = 1024 * 1024
"""Size of a builder's buffer: the most bytes that one read of a body returns (`fetch.CHUNK_SIZE`)."""

BUFFER_COUNT = 2
"""Buffers of a builder, used alternately."""

BLOB_CLASSES = ("Blob", "File")
"""Class names of the page's blobs."""


class JsChunk:
    """Some ``Uint8Array`` pieces of a response body."""

    def __init__(self, pieces: list[Any], size: int) -> None:
        """Wrap pieces of ``size`` bytes together."""
        self.js_pieces = pieces
        self._size = size

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self._size

    def buffers(self) -> Iterable[bytes]:
        """Copy each piece into Python."""
        return (piece.to_bytes() for piece in self.js_pieces)


class JsBlob:
    """A browser's ``Blob``."""

    def __init__(self, js_blob: Any) -> None:
        self.js_blob = js_blob

    @property
    def size(self) -> int:
        """Number of bytes."""
        return int(self.js_blob.size)

    async def read(self) -> bytes:
        """Copy all bytes into Python."""
        return cast("bytes", (await js_array_buffer(self.js_blob)).to_bytes())

    async def chunks(self) -> AsyncIterator[JsChunk]:
        """Read the bytes piece by piece."""
        for start in range(0, self.size, READ_SIZE):
            buffer = await js_array_buffer(self.js_blob.slice(start, start + READ_SIZE))
            yield JsChunk([Uint8Array.new(buffer)], int(buffer.byteLength))

    async def is_json(self) -> bool:
        """Let the browser parse the bytes as JSON."""
        try:
            await Response.new(self.js_blob).json()
        except JsException as error:
            if js_name(error) != "SyntaxError":
                raise _unreadable(error) from error
            return False
        return True

    def slice(self, start: int, end: int) -> JsBlob:
        """Return the bytes from ``start`` up to ``end``."""
        return JsBlob(self.js_blob.slice(start, end))


class JsBlobBuilder:
    """Streams bytes into one Blob, through two buffers used alternately.

    A Blob for each piece, or a copy of each piece, would be simpler. But only JavaScript's garbage collection frees
    them, and it does not run in time for their memory (bench/big.py). A buffer is free when the write after
    its own is done: a stream without a queue takes the next piece only when its reader asks, having consumed the one
    before (Streams Standard, TransformStream and its backpressure). The next builder makes buffers of its own: their
    weight as garbage makes Chromium collect in time, and free the Blobs that are stored.
    """

    def __init__(self) -> None:
        self._size = 0
        self._js_buffers: list[Any] = []
        self._js_writer: Any = None
        self._js_blob: Any = None

    @property
    def size(self) -> int:
        """Number of bytes so far."""
        return self._size

    async def append(self, chunk: ports.Chunk) -> None:
        """Append a copy of the chunk's bytes."""
        with map_exceptions(_not_taken):
            if self._js_writer is None:
                js_stream = TransformStream.new()
                self._js_writer = js_stream.writable.getWriter()
                self._js_blob = Response.new(js_stream.readable).blob()
            for js_piece in cast("JsChunk", chunk).js_pieces:
                await self._js_writer.write(self._copy(js_piece))
        self._size += chunk.size

    async def build(self) -> JsBlob:
        """Return all bytes."""
        if self._js_writer is None:
            return JsBlob(Blob.new())
        with map_exceptions(_not_taken):
            await self._js_writer.close()
            return JsBlob(await self._js_blob)

    def _copy(self, js_piece: Any) -> Any:
        if js_piece.byteLength > BUFFER_SIZE:
            return js_piece.slice()
        is_first = len(self._js_buffers) < BUFFER_COUNT
        js_buffer = Uint8Array.new(BUFFER_SIZE) if is_first else self._js_buffers.pop(0)
        self._js_buffers.append(js_buffer)
        js_buffer.set(js_piece)
        return js_buffer.subarray(0, js_piece.byteLength)


class JsBlobs:
    """Makes Blobs by reference: the bytes do not pass through Python."""

    def builder(self) -> JsBlobBuilder:
        """Return an empty builder."""
        return JsBlobBuilder()

    def join(self, parts: Sequence[ports.Chunk | ports.Blob], content_type: str) -> JsBlob:
        """Return one Blob with the bytes of ``parts`` in order."""
        js_parts = Array.new()
        for part in parts:
            for piece in part.js_pieces if isinstance(part, JsChunk) else [js_blob(part)]:
                js_parts.push(piece)
        with map_exceptions(_not_taken):
            return JsBlob(Blob.new(js_parts, js_object(type=content_type)))

    async def compact(self, parts: Sequence[ports.Blob]) -> JsBlob:
        """Return one Blob that the browser read from the parts; none of it is in the page's memory.

        Firefox copies it into a file of its own: storing Blobs that are only joined takes it as much memory as they
        have bytes. Chromium makes no copy here, and needs none.
        """
        with map_exceptions(_not_taken):
            return JsBlob(await Response.new(self.join(parts, "").js_blob).blob())

    def from_bytes(self, data: bytes) -> JsBlob:
        """Return a Blob with a copy of Python's bytes."""
        with map_exceptions(_not_taken):
            return JsBlob(Blob.new(Array.of(js_bytes(data))))

    def wrap(self, value: object) -> JsBlob | None:
        """Return a handle for a ``Blob`` or ``File`` of the page, or for a handle."""
        if isinstance(value, JsBlob):
            return value
        return JsBlob(value) if js_class(value) in BLOB_CLASSES else None


async def js_array_buffer(js_blob: Any) -> Any:
    """Read a Blob into an ``ArrayBuffer``.

    Raises:
        DataRemoved: If the browser cannot read it.
    """
    with map_exceptions(_unreadable):
        return await js_blob.arrayBuffer()


def _unreadable(error: JsException) -> DataRemoved:
    # NotFoundError and NotReadableError of the File API; a Response fails with a TypeError or an AbortError.
    return DataRemoved(
        f"The browser cannot read a file's bytes ({js_name(error)}): the file was removed or changed, as by clearing "
        "the site's data, or there is too little memory. Load it again."
    )


def _not_taken(error: JsException) -> StorageUnavailable:
    return StorageUnavailable(
        f"The browser does not take a file's bytes ({js_name(error)}): no memory or no disk space."
    )


def js_blob(blob: ports.Blob | ports.Chunk) -> Any:
    """Return the browser's Blob behind a handle."""
    return cast("JsBlob", blob).js_blob
