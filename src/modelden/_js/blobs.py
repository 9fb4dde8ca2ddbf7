"""`ports.Chunk`, `ports.Blob` and `ports.Blobs` over the browser's typed arrays and Blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

from js import Array, Blob, Response, TransformStream, Uint8Array
from pyodide.ffi import JsException

from modelden import ports
from modelden._js.ffi import js_bytes, js_kind, js_object
from modelden.errors import StorageUnavailable

READ_SIZE = 4 * 1024 * 1024
"""Bytes of a blob that are looked at together."""

BUFFER_SIZE = 1024 * 1024
"""Bytes of a piece that is copied into a buffer: as many as a read of a body brings at most (`fetch.CHUNK_SIZE`)."""

TURNS = 2
"""Buffers that a Blob is made through."""

BLOBS = ("Blob", "File")
"""What a blob of the page calls itself."""


class JsChunk:
    """Some ``Uint8Array`` pieces of a response body."""

    def __init__(self, pieces: list[Any], size: int) -> None:
        """Adopt the pieces, ``size`` bytes together."""
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
        """Adopt the Blob."""
        self.js_blob = js_blob

    @property
    def size(self) -> int:
        """Number of bytes."""
        return int(self.js_blob.size)

    async def read(self) -> bytes:
        """Copy all bytes into Python."""
        buffer = await self.js_blob.arrayBuffer()
        return cast("bytes", buffer.to_bytes())

    async def chunks(self) -> AsyncIterator[JsChunk]:
        """Read the bytes piece by piece."""
        for start in range(0, self.size, READ_SIZE):
            buffer = await self.js_blob.slice(start, start + READ_SIZE).arrayBuffer()
            yield JsChunk([Uint8Array.new(buffer)], int(buffer.byteLength))

    async def is_json(self) -> bool:
        """Tell whether the bytes are a JSON text; the browser parses them."""
        try:
            await Response.new(self.js_blob).json()
        except JsException:
            return False
        return True

    def slice(self, start: int, end: int) -> JsBlob:
        """Return the bytes from ``start`` up to ``end``."""
        return JsBlob(self.js_blob.slice(start, end))


class JsBlobBuilder:
    """Streams bytes into one Blob, through two buffers in turns.

    A Blob for each piece would be simpler, or a copy of each piece: but they are gone only when JavaScript collects its
    garbage, which does not notice in time what they hold (bench/big.py). A buffer is free when the write after its own
    is done: a stream without a queue takes the next piece only when its reader asks, having consumed the one before
    (Streams Standard, TransformStream and its backpressure). They are not kept for the next Blob: what they weigh as
    garbage makes Chromium look for it in time, and let go of the Blobs that are stored.
    """

    def __init__(self) -> None:
        """Collect nothing yet."""
        self._size = 0
        self._js_buffers: list[Any] = []
        self._js_writer: Any = None
        self._js_blob: Any = None

    @property
    def size(self) -> int:
        """Number of bytes so far."""
        return self._size

    async def append(self, chunk: ports.Chunk) -> None:
        """Append bytes; they are copied."""
        if self._js_writer is None:
            js_stream = TransformStream.new()
            self._js_writer = js_stream.writable.getWriter()
            self._js_blob = Response.new(js_stream.readable).blob()
        try:
            for js_piece in cast("JsChunk", chunk).js_pieces:
                await self._js_writer.write(self._copy(js_piece))
        except JsException as error:
            raise _refused(error) from error
        self._size += chunk.size

    async def build(self) -> JsBlob:
        """Return all bytes."""
        if self._js_writer is None:
            return JsBlob(Blob.new())
        try:
            await self._js_writer.close()
            return JsBlob(await self._js_blob)
        except JsException as error:
            raise _refused(error) from error

    def _copy(self, js_piece: Any) -> Any:
        if js_piece.byteLength > BUFFER_SIZE:
            return js_piece.slice()
        is_first = len(self._js_buffers) < TURNS
        js_buffer = Uint8Array.new(BUFFER_SIZE) if is_first else self._js_buffers.pop(0)
        self._js_buffers.append(js_buffer)
        js_buffer.set(js_piece)
        return js_buffer.subarray(0, js_piece.byteLength)


class JsBlobs:
    """Makes Blobs by reference: the bytes do not pass through Python."""

    def builder(self) -> JsBlobBuilder:
        """Return what collects bytes."""
        return JsBlobBuilder()

    def join(self, parts: Sequence[ports.Chunk | ports.Blob], content_type: str) -> JsBlob:
        """Return one Blob with the bytes of ``parts`` in order."""
        js_parts = Array.new()
        for part in parts:
            for piece in part.js_pieces if isinstance(part, JsChunk) else [js_blob(part)]:
                js_parts.push(piece)
        return JsBlob(Blob.new(js_parts, js_object(type=content_type)))

    async def compact(self, parts: Sequence[ports.Blob]) -> JsBlob:
        """Return one Blob that was read from the parts; the page's memory has none of it.

        Firefox copies it into a file of its own. To store Blobs that are only joined takes it as much memory as they
        have bytes. Chromium makes no copy here, and needs none.
        """
        try:
            return JsBlob(await Response.new(self.join(parts, "").js_blob).blob())
        except JsException as error:
            raise _refused(error) from error

    def from_bytes(self, data: bytes) -> JsBlob:
        """Return a Blob with bytes of Python's."""
        return JsBlob(Blob.new(Array.of(js_bytes(data))))

    def wrap(self, value: object) -> JsBlob | None:
        """Return a ``Blob`` or ``File`` of the page, or a handle of one, as a handle."""
        if isinstance(value, JsBlob):
            return value
        return JsBlob(value) if js_kind(value) in BLOBS else None


def _refused(error: JsException) -> StorageUnavailable:
    return StorageUnavailable(f"The browser does not take the bytes of a download ({error.name}): no memory, no disk.")


def js_blob(blob: ports.Blob | ports.Chunk) -> Any:
    """Return the browser's Blob behind a handle."""
    return cast("JsBlob", blob).js_blob
