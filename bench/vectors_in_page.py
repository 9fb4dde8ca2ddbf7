"""The job of `bench/vectors.py` in the page."""

from __future__ import annotations

import statistics
import time

import js

import modelden


async def searches(rows: int, dimensions: int, times: int) -> dict[str, float]:
    """Medians in milliseconds, and their ratio."""
    index = await modelden.VectorIndex.open("bench", model_id="org/bench")
    data = js.vectorsAlone.to_py()
    vectors = modelden.Tensor(data, "float32", (rows, dimensions))
    start = time.perf_counter()
    await index.add([str(row) for row in range(rows)], vectors)
    added = (time.perf_counter() - start) * 1000
    query = modelden.Tensor(data[:dimensions], "float32", (dimensions,))
    alone, ours = [], []
    for _ in range(times):
        alone.append(float(js.searchAlone()))
        start = time.perf_counter()
        found = await index.search(query, 10)
        ours.append((time.perf_counter() - start) * 1000)
        if found[0].id != "0":
            raise AssertionError(found)
    await index.delete()
    medians = statistics.median(alone), statistics.median(ours)
    return {"plain loop": medians[0], "search": medians[1], "ratio": medians[1] / medians[0], "adding all": added}
