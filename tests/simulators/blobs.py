"""Blobs in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from modelden import ports


@dataclass(frozen=True)
class MemoryBlob:
    data: bytes
    content_type: str = ""

    @property
    def size(self) -> int:
        return len(self.data)

    async def read(self) -> bytes:
        return self.data


@dataclass(frozen=True)
class MemoryChunk:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def buffers(self) -> Iterable[bytes]:
        return [self.data]


class MemoryBlobs:
    def join(self, parts: Sequence[ports.Chunk | ports.Blob], content_type: str) -> MemoryBlob:
        data = b"".join(cast("MemoryBlob | MemoryChunk", part).data for part in parts)
        return MemoryBlob(data, content_type)
