"""Blobs in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from modelden import ports
from modelden.engine.onnx_errors import InvalidType

READ_SIZE = 64 * 1024


@dataclass(frozen=True)
class MemoryBlob:
    data: bytes
    content_type: str = ""

    @property
    def size(self) -> int:
        return len(self.data)

    async def read(self) -> bytes:
        return self.data

    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        for start in range(0, len(self.data), READ_SIZE):
            yield MemoryChunk(self.data[start : start + READ_SIZE])

    async def is_json(self) -> bool:
        try:
            json.loads(self.data)
        except ValueError:
            return False
        return True

    def slice(self, start: int, end: int) -> MemoryBlob:
        return MemoryBlob(self.data[start:end])


@dataclass(frozen=True)
class MemoryChunk:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def buffers(self) -> Iterable[bytes]:
        return [self.data]


def model_blob(data: Any) -> ports.Blob:
    """Return the bytes of a raw model as a Blob, as hosts of raw sessions do."""
    if isinstance(data, MemoryBlob):
        return data
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidType(f"Unable to load from type '{type(data)}'.")
    return MemoryBlob(bytes(data))


class MemoryBlobBuilder:
    def __init__(self) -> None:
        self._data = bytearray()

    @property
    def size(self) -> int:
        return len(self._data)

    async def append(self, chunk: ports.Chunk) -> None:
        self._data += cast("MemoryChunk", chunk).data

    async def build(self) -> MemoryBlob:
        return MemoryBlob(bytes(self._data))


class MemoryBlobs:
    def builder(self) -> MemoryBlobBuilder:
        return MemoryBlobBuilder()

    def join(self, parts: Sequence[ports.Chunk | ports.Blob], content_type: str) -> MemoryBlob:
        data = b"".join(cast("MemoryBlob | MemoryChunk", part).data for part in parts)
        return MemoryBlob(data, content_type)

    async def compact(self, parts: Sequence[ports.Blob]) -> MemoryBlob:
        return self.join(parts, "")

    def from_bytes(self, data: bytes) -> MemoryBlob:
        return MemoryBlob(data)

    def wrap(self, value: object) -> MemoryBlob | None:
        return value if isinstance(value, MemoryBlob) else None
