"""Functions in the page for the tests of runs without an end, beside `in_page`, whose rules hold here too."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Awaitable
from typing import Any

from in_page import configure  # type: ignore[import-not-found]  # pushed by the test

import modelden

type Json = Any


async def outcome(run: Awaitable[Any], how: str) -> str:
    """Cancel a run when it is under way, or wait for its own end."""
    task = asyncio.ensure_future(run)
    if how == "cancelled":
        await asyncio.sleep(0.3)  # it is at work in the worker
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"
    except modelden.ModelDenError as error:
        return type(error).__name__
    return "it ended by itself"


async def engine_after_evil(config: Json, request: Json, evil: Json, good: Json, how: str) -> Json:
    """Run an engine on what does not end, twice, and on the rest after each."""
    configure(config)
    engine = await modelden.create_engine(request)
    statuses: list[str] = []
    engine.on_status(statuses.append)
    expected = plain(await engine.run(good))
    limit = 0.3 if how == "timeout" else None
    runs = []
    for _ in range(2):
        end = await outcome(engine.run(evil, timeout=limit), how)
        again = await modelden.create_engine(request)
        runs.append([end, again is engine, plain(await again.run(good)) == expected])
    closing = asyncio.ensure_future(outcome(engine.run(evil), "closed"))
    await asyncio.sleep(0.3)
    await engine.close()
    return {"runs": runs, "statuses": statuses, "closed": await closing}


async def stream_after_evil(config: Json, request: Json, evil: Json, good: Json) -> Json:
    """Leave a stream that does not end, and read the next one."""
    configure(config)
    async with await modelden.create_engine(request) as engine:
        async with engine.stream(evil, timeout=0.3) as stream:
            end = await outcome(anext(stream), "timeout")
        text = "".join([chunk.text async for chunk in engine.stream(good, max_new_tokens=3)])
        return [end, text != ""]


async def session_after_evil(config: Json, model: str) -> Json:
    """Run a raw model that loops, and then again with a number of turns that ends."""
    configure(config)
    data = base64.b64decode(model)
    runs = []
    async with await modelden.load_session(data) as session:
        for _ in range(2):
            end = await outcome(session.run_async(None, feed(2**62)), "cancelled")
            [y] = await session.run_async(None, feed(3))
            runs.append([end, y.tolist()])
        closing = asyncio.ensure_future(outcome(session.run_async(None, feed(2**62)), "closed"))
        await asyncio.sleep(0.3)
    return {"runs": runs, "closed": await closing}


def feed(times: int) -> dict[str, modelden.Tensor]:
    return {
        "times": modelden.Tensor(memoryview(struct.pack("=q", times)), "int64", ()),
        "x": modelden.Tensor(memoryview(struct.pack("=f", 1.0)), "float32", (1,)),
    }


def plain(value: Any) -> Json:
    return value.tolist() if isinstance(value, modelden.Tensor) else value
