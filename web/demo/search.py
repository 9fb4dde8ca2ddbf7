"""Sentences ranked by their nearness in meaning to a query."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelden import Engine


@dataclass(frozen=True, slots=True)
class Found:
    """An answer.

    Attributes:
        ranking: Sentences with their cosine similarity to the query, the nearest first.
        digest: SHA-256 of the query's vector: the same model gives the same on every visit.
    """

    ranking: list[tuple[str, float]]
    digest: str


class Search:
    """Keeps the vectors of sentences that were asked for before: after an edit only what is new is computed."""

    def __init__(self, engine: Engine) -> None:
        """Search with a feature-extraction engine."""
        self._engine = engine
        self._vectors: dict[str, memoryview[float]] = {}
        self._newest = 0

    async def rank(self, query: str, sentences: list[str]) -> Found | None:
        """Return the sentences ranked, or None if another call came in between."""
        self._newest += 1
        mine = self._newest
        kept, self._vectors = self._vectors, {}
        # One at a time: quantised activations depend on the batch, so only so a sentence always has the same score.
        for text in dict.fromkeys([query, *sentences]):
            self._vectors[text] = kept[text] if text in kept else await self._embed(text)
            if mine != self._newest:
                return None
        wanted = self._vectors[query]
        # The vectors have length 1, so their product is the cosine.
        scores = [(sentence, math.sumprod(wanted, self._vectors[sentence])) for sentence in sentences]
        return Found(sorted(scores, key=lambda pair: -pair[1]), hashlib.sha256(wanted).hexdigest())

    async def _embed(self, text: str) -> memoryview[float]:
        tensor = await self._engine.run(text, pooling="mean", normalize=True)
        return memoryview(tensor).cast("B").cast("f")
