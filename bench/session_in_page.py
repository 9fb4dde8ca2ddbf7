"""The job of `bench/session.py` in the page: the same work through modelden and onnxruntime-web alone, in turns."""

from __future__ import annotations

import base64
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import js

import modelden
from modelden.onnxruntime import InferenceSession

NUMBERS = 2**23
"""Number of values of four bytes in a large run: 32 MiB."""

OPENED_TOGETHER, SMALL_RUNS, LARGE_RUNS = 8, 25, 1
"""Sessions and runs of one turn, which is timed as a whole: Firefox's clock has steps of a millisecond."""

BATCH = 10
"""Number of sessions that are open at once where their ends are counted."""


async def runs(config: dict[str, Any], models: dict[str, str], times: int) -> dict[str, float]:
    """Medians in milliseconds, and the medians of the ratios of neighbours."""
    modelden.configure(**config)
    large, frame = (base64.b64decode(models[name]) for name in ("large", "frame"))
    x = modelden.Tensor(memoryview(bytes(4 * NUMBERS)), "float32", (NUMBERS,))
    sound = modelden.Tensor(memoryview(bytes(4 * 512)), "float32", (1, 512))
    state = modelden.Tensor(memoryview(bytes(4 * 256)), "float32", (2, 1, 128))
    feed = {"x": sound, "state": state}
    await js.onnxruntimeAlone.open("large", models["large"], 1)
    await js.onnxruntimeAlone.open("frame", models["frame"], 1)
    async with await modelden.load_session(large) as first, await modelden.load_session(frame) as session:
        return {
            **await compare(
                "second session",
                lambda: js.onnxruntimeAlone.open("second", models["frame"], OPENED_TOGETHER),
                lambda: opened(frame),
                OPENED_TOGETHER,
                times,
            ),
            **await compare(
                "small run",
                lambda: js.onnxruntimeAlone.frame("frame0", SMALL_RUNS),
                lambda: session.run_async(None, feed),
                SMALL_RUNS,
                times,
            ),
            "small run of run_many: modelden": await one_of_many(session, feed),
            **await compare(
                "large run",
                lambda: js.onnxruntimeAlone.large("large0", NUMBERS, LARGE_RUNS),
                lambda: first.run_async(None, {"x": x}),
                LARGE_RUNS,
                times,
            ),
        }


OPENED: list[InferenceSession] = []


async def opened(model: bytes) -> None:
    """Open a session."""
    OPENED.append(await InferenceSession.create(model))


async def compare(
    name: str, alone: Callable[[], Awaitable[float]], ours: Callable[[], Awaitable[Any]], count: int, times: int
) -> dict[str, float]:
    """Take the times of both, in turns of ``count`` each. Returns milliseconds of one."""
    theirs, mine = [], []
    for turn in range(times + 1):
        other = float(await alone()) / count
        start = time.perf_counter()
        for _ in range(count):
            await ours()
        elapsed = (time.perf_counter() - start) * 1000 / count
        if turn:  # the first one grows memories
            theirs.append(other)
            mine.append(elapsed)
        if OPENED:
            await js.onnxruntimeAlone.release("second", count)
        while OPENED:
            OPENED.pop().close()
    return {
        f"{name}: onnxruntime-web alone": statistics.median(theirs),
        f"{name}: modelden": statistics.median(mine),
        f"{name}: ratio": statistics.median(one / other for one, other in zip(mine, theirs, strict=True)),
    }


async def one_of_many(session: InferenceSession, feed: dict[str, Any]) -> float:
    """Milliseconds of a small run among a hundred that cross once."""
    start = time.perf_counter()
    await session.run_many_async(None, [feed] * 100)
    return (time.perf_counter() - start) * 10


async def leaks(config: dict[str, Any], models: dict[str, str], sessions: int) -> dict[str, float]:
    """The page after the first batches of sessions, and after all of them."""
    modelden.configure(**config)
    frame = base64.b64decode(models["frame"])
    workers = count_workers()
    for _ in range(3):
        await batch(frame)
    before = await figures(workers)
    for _ in range(sessions // BATCH):
        await batch(frame)
    after = await figures(workers)
    return {
        f"{name} {when}": value for when, each in (("before", before), ("after", after)) for name, value in each.items()
    }


async def batch(model: bytes) -> None:
    """Open some sessions, run each once and close them."""
    opened = [await InferenceSession.create(model) for _ in range(BATCH)]
    for session in opened:
        await session.run_async(["y"], {"x": [[0.0] * 512], "state": [[[0.0] * 128]] * 2})
    for session in opened:
        session.close()


def count_workers() -> Any:
    """Count the workers that begin and end from now on."""
    return js.eval(
        """
        const { Worker } = globalThis;
        const live = new Set();
        globalThis.Worker = class extends Worker {
            constructor(...args) { super(...args); live.add(this); }
            terminate() { super.terminate(); live.delete(this); }
        };
        live
        """
    )


async def figures(workers: Any) -> dict[str, float]:
    """Live workers, JavaScript objects that Python holds, Python's objects, and the memory of Python."""
    from pyodide.ffi import JsProxy

    gc.collect()
    everything = gc.get_objects()
    return {
        "workers": workers.size,
        "proxies": sum(isinstance(each, JsProxy) for each in everything),
        "objects": len(everything),
        "MiB": js.pyodide._module.HEAP8.length / 2**20,
    }
