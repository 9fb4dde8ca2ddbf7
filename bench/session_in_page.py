"""The job of `bench/session.py` in the page: one array through modelden and through onnxruntime-web alone, in turns."""

from __future__ import annotations

import base64
import statistics
import time
from typing import Any

import js

import modelden

NUMBERS = 2**23
"""Number of values of four bytes: 32 MiB."""


async def runs(config: dict[str, Any], model: str, times: int) -> dict[str, Any]:
    """Medians in milliseconds, and the median of the ratios of neighbours."""
    modelden.configure(**config)
    x = modelden.Tensor(memoryview(bytes(4 * NUMBERS)), "float32", (NUMBERS,))
    alone, ours = [], []
    async with await modelden.load_session(base64.b64decode(model)) as session:
        for turn in range(times + 1):
            theirs = float(await js.onnxruntimeAlone(NUMBERS))
            start = time.perf_counter()
            await session.run_async(None, {"x": x})
            mine = (time.perf_counter() - start) * 1000
            if turn:  # the first one grows memories
                alone.append(theirs)
                ours.append(mine)
    return {
        "onnxruntime-web alone": statistics.median(alone),
        "modelden": statistics.median(ours),
        "ratio": statistics.median(one / other for one, other in zip(ours, alone, strict=True)),
    }
