"""Workers that search vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelden.ports.blobs import Blob


class VectorWorker(Protocol):
    """A worker with the vectors of one index, as unit vectors of 32-bit floats, by their positions."""

    async def load(self, dimensions: int, parts: Sequence[Blob]) -> None:
        """Replace all vectors by those of ``parts``: little-endian 32-bit floats, row after row. Suspends.

        Raises:
            DataRemoved: If the bytes cannot be read.
            EngineCrashed: If the worker died.
            WorkerRefused: If the browser does not start it.
        """

    async def add(self, vectors: bytes) -> None:
        """Append vectors, which are as in `load`. Suspends.

        Raises:
            EngineCrashed: If the worker died.
            WorkerRefused: If the browser does not start it.
        """

    async def remove(self, positions: Sequence[int]) -> None:
        """Remove vectors; each later one moves up. ``positions`` ascend. Suspends.

        Raises:
            EngineCrashed: If the worker died.
            WorkerRefused: If the browser does not start it.
        """

    async def search(self, query: bytes, k: int) -> list[tuple[int, float]]:
        """Return the positions and cosine similarities of the best vectors, the best first. Suspends.

        Raises:
            EngineCrashed: If the worker died.
            WorkerRefused: If the browser does not start it.
        """

    def close(self) -> None:
        """End the worker. Does not suspend. Raises nothing."""


class VectorHost(Protocol):
    """Starts workers that search vectors."""

    def start_search(self) -> VectorWorker:
        """Start a worker without vectors. Does not suspend.

        Raises:
            WorkerRefused: If the browser refuses it at once; mostly it does so later.
        """
