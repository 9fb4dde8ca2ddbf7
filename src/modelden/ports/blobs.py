"""Bytes outside Python's memory: chunks of response bodies, and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence


class Chunk(Protocol):
    """Some consecutive bytes of a response body, outside Python's memory."""

    @property
    def size(self) -> int:
        """Number of bytes. Does not suspend. Raises nothing."""

    def buffers(self) -> Iterable[bytes]:
        """Copy the bytes into Python, in pieces. Does not suspend. Raises nothing."""


class Blob(Protocol):
    """Immutable bytes outside Python's memory, as a browser's ``Blob``.

    Reading fails where the browser has removed the bytes: the visitor cleared the site's data, or changed the file.
    """

    @property
    def size(self) -> int:
        """Number of bytes. Does not suspend. Raises nothing."""

    async def read(self) -> bytes:
        """Copy all bytes into Python. For small files and tests; models stay outside. Suspends.

        Raises:
            DataRemoved: If the bytes cannot be read.
        """

    def chunks(self) -> AsyncIterator[Chunk]:
        """Read the bytes piece by piece, to look at them once. Each step suspends.

        Raises:
            DataRemoved: If the bytes cannot be read.
        """

    async def is_json(self) -> bool:
        """Return True if the bytes are a JSON text. Suspends.

        Raises:
            DataRemoved: If the bytes cannot be read.
        """

    def slice(self, start: int, end: int) -> Blob:
        """Return the bytes from ``start`` up to ``end``, exclusive, by reference. Does not suspend. Raises nothing."""


class BlobBuilder(Protocol):
    """Builds one blob from chunks that arrive one after the other."""

    @property
    def size(self) -> int:
        """Number of bytes appended so far. Does not suspend. Raises nothing."""

    async def append(self, chunk: Chunk) -> None:
        """Append a copy of the chunk's bytes. Suspends.

        Raises:
            StorageUnavailable: If the browser has no memory or disk for them. The builder cannot be used any more.
        """

    async def build(self) -> Blob:
        """Return the blob of all bytes. Nothing can be appended afterwards. Suspends.

        Raises:
            StorageUnavailable: If the browser has no memory or disk for it.
        """


class Blobs(Protocol):
    """Makes blobs without the bytes passing through Python."""

    def builder(self) -> BlobBuilder:
        """Return an empty builder. Does not suspend. Raises nothing."""

    def join(self, parts: Sequence[Chunk | Blob], content_type: str) -> Blob:
        """Return one blob that refers to the bytes of ``parts``, in order. Does not suspend.

        Raises:
            StorageUnavailable: If the browser has no memory for the chunks, which are copied.
        """

    async def compact(self, parts: Sequence[Blob]) -> Blob:
        """Return one blob with the bytes of ``parts``, in order, that is stored without referring to them. Suspends.

        Raises:
            StorageUnavailable: If the browser has no memory or disk for it, or cannot read the parts.
        """

    def from_bytes(self, data: bytes) -> Blob:
        """Return a blob with a copy of ``data``. Does not suspend.

        Raises:
            StorageUnavailable: If the browser has no memory for it.
        """

    def wrap(self, value: object) -> Blob | None:
        """Return a blob for a ``Blob`` or ``File`` of the page, None for any other value.

        Does not suspend. Raises nothing.
        """
