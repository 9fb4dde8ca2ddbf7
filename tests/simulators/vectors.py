"""Workers that search vectors, in Python."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from modelden.engine.similarity import top_k
from modelden.ports import Blob


class MemoryVectorWorker:
    """A worker with the vectors of one index. Keeps how often it was loaded."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []
        self.dimensions = 0
        self.loads = 0
        self.closed = False

    async def load(self, dimensions: int, parts: Sequence[Blob]) -> None:
        self.dimensions, self.rows = dimensions, []
        self.loads += 1
        for part in parts:
            self._append(await part.read())

    async def add(self, vectors: bytes) -> None:
        self._append(vectors)

    async def remove(self, positions: Sequence[int]) -> None:
        self.rows = [row for position, row in enumerate(self.rows) if position not in set(positions)]

    async def search(self, query: bytes, k: int) -> list[tuple[int, float]]:
        if not self.rows:
            return []
        return [(match.id, match.score) for match in top_k(array("f", query), self.rows, k)]

    def close(self) -> None:
        self.closed = True

    def _append(self, vectors: bytes) -> None:
        numbers = array("f", vectors).tolist()
        self.rows += [numbers[i : i + self.dimensions] for i in range(0, len(numbers), self.dimensions)]


class MemoryVectorHost:
    """Starts workers."""

    def __init__(self) -> None:
        self.workers: list[MemoryVectorWorker] = []

    def start_search(self) -> MemoryVectorWorker:
        self.workers.append(MemoryVectorWorker())
        return self.workers[-1]
