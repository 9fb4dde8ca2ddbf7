"""The job of `bench/engine.py` in the page: the same texts through modelden and transformers.js alone, in turns."""

from __future__ import annotations

import statistics
import time
from typing import Any

import js

import modelden

TEXT = "The quick brown fox jumps over the lazy dog near the river."
BATCHES = {"one text": [TEXT], "eight texts": [f"{TEXT} And this is number {number}." for number in range(8)]}


async def runs(config: dict[str, Any], times: int) -> dict[str, Any]:
    """Interquartile means in milliseconds, and their ratio."""
    modelden.configure(**config)
    results = {}
    async with await modelden.create_engine(feature_id="simple-text-embedder", timeout_ms=-1) as engine:
        for name, texts in BATCHES.items():
            asked = js.JSON.stringify(js.Array.of(*texts))
            alone, ours, inside = [], [], []
            for _ in range(times):
                alone.append(float(await js.transformersAlone(asked)))
                start = time.perf_counter()
                await engine.run(texts, pooling="mean", normalize=True)
                ours.append((time.perf_counter() - start) * 1000)
                metrics = engine.last_metrics
                inside.append(metrics.inference_time if metrics else 0.0)
            results[name] = {
                "transformers.js alone": _middle(alone),
                "modelden": _middle(ours),
                "of which in the worker": _middle(inside),
                "ratio": _middle(ours) / _middle(alone),
            }
    return results


def _middle(times: list[float]) -> float:
    """Return the interquartile mean: Firefox's clock has steps of 1 ms, between which a median cannot tell."""
    quarter = len(times) // 4
    return statistics.fmean(sorted(times)[quarter:-quarter])
