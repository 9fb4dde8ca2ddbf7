"""`ports.Chunk`, `ports.Blob` and `ports.Blobs` over the browser's typed arrays and Blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

from js import Array, Blob, Response, Uint8Array
from pyodide.ffi import JsException

from modelden import ports
from modelden._js.convert import js_bytes, js_kind, js_object

READ_SIZE = 4 * 1024 * 1024
"""Bytes of a blob that are looked at together."""

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

    def part(self, start: int, end: int) -> JsBlob:
        """Return the bytes from ``start`` up to ``end``."""
        return JsBlob(self.js_blob.slice(start, end))


class JsBlobs:
    """Makes Blobs by reference: the bytes do not pass through Python."""

    def join(self, parts: Sequence[ports.Chunk | ports.Blob], content_type: str) -> JsBlob:
        """Return one Blob with the bytes of ``parts`` in order."""
        js_parts = Array.new()
        for part in parts:
            for piece in part.js_pieces if isinstance(part, JsChunk) else [js_blob(part)]:
                js_parts.push(piece)
        return JsBlob(Blob.new(js_parts, js_object(type=content_type)))

    def of(self, data: bytes) -> JsBlob:
        """Return a Blob with bytes of Python's."""
        return JsBlob(Blob.new(Array.of(js_bytes(data))))

    def adopt(self, value: object) -> JsBlob | None:
        """Return a ``Blob`` or ``File`` of the page, or a handle of one, as a handle."""
        if isinstance(value, JsBlob):
            return value
        return JsBlob(value) if js_kind(value) in BLOBS else None


def js_blob(blob: ports.Blob | ports.Chunk) -> Any:
    """Return the browser's Blob behind a handle."""
    return cast("JsBlob", blob).js_blob
