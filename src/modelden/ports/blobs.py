"""Bytes outside Python's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence


class Chunk(Protocol):
    """Some consecutive bytes of a response body, outside Python's memory."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def buffers(self) -> Iterable[bytes]:
        """Copy the bytes into Python, in pieces, to look at them once."""


class Blob(Protocol):
    """Immutable bytes outside Python's memory, as a browser's ``Blob``."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    async def read(self) -> bytes:
        """Copy all bytes into Python. For small files and tests; models stay outside."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Read the bytes piece by piece, to look at them once."""

    async def is_json(self) -> bool:
        """Tell whether the bytes are a JSON text."""

    def slice(self, start: int, end: int) -> Blob:
        """Return the bytes from ``start`` up to ``end``, which is left out; nothing is copied."""


class BlobBuilder(Protocol):
    """Makes one blob of bytes that come little by little."""

    @property
    def size(self) -> int:
        """Number of bytes so far."""

    async def append(self, chunk: Chunk) -> None:
        """Append bytes; they are copied."""

    async def build(self) -> Blob:
        """Return all bytes. Nothing can be added any more."""


class Blobs(Protocol):
    """Makes blobs without the bytes passing through Python."""

    def builder(self) -> BlobBuilder:
        """Return what collects bytes; it is empty."""

    def join(self, parts: Sequence[Chunk | Blob], content_type: str) -> Blob:
        """Return one blob with the bytes of ``parts`` in order."""

    async def compact(self, parts: Sequence[Blob]) -> Blob:
        """Return one blob with the bytes of ``parts`` in order, which does not need them and is stored without them.

        Raises:
            StorageUnavailable: If the browser has no memory or disk for it.
        """

    def from_bytes(self, data: bytes) -> Blob:
        """Return a blob with a few bytes of Python's."""

    def wrap(self, value: object) -> Blob | None:
        """Return the blob that an object of the page is, such as a ``File``; None when it is none."""
