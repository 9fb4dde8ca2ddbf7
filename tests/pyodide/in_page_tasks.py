"""Functions in the page for the tests of tasks, beside `in_page`, whose rules hold here too."""

from __future__ import annotations

import asyncio
import base64
import math
from array import array
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from in_page import configure  # type: ignore[import-not-found]  # pushed by the test
from js import usedWorkers  # of the test's page
from pyodide.ffi import create_proxy

import modelden

type Json = Any


async def run_task(config: dict[str, Any], request: dict[str, Any], calls: list[Json]) -> list[Json]:
    """Create an engine and make these calls."""
    configure(config)
    async with await modelden.create_engine(**request) as engine:
        return [as_json(await engine.run(*revive(call["args"]), **revive(call["options"]))) for call in calls]


def revive(value: Json) -> Any:
    """Plain JSON data with marks as Python data."""
    match value:
        case {"$file": str(text)}:
            return base64.b64decode(text)
        case {"$floats": str(text)}:
            return array("f", base64.b64decode(text))
        case dict():
            return {key: revive(part) for key, part in value.items()}
        case list():
            return [revive(part) for part in value]
    return value


def as_json(value: Any) -> Json:
    """A result as plain JSON data, tensors and images with their bytes."""
    match value:
        case modelden.Tensor():
            return {"tensor": value.dtype, "dims": list(value.shape), "bytes": _bytes(value).hex()}
        case modelden.Image():
            return {"image": [value.width, value.height, value.channels], "bytes": value.tobytes().hex()}
        case float() if not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0):
            return {"number": {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "-0")}
        case dict():
            return {key: as_json(part) for key, part in value.items()}
        case list() | tuple():
            return [as_json(part) for part in value]
    return value


async def stream_all(config: dict[str, Any], request: dict[str, Any], text: Json, options: dict[str, Any]) -> Json:
    """Stream one text, or what is heard, to its end, and run it without."""
    configure(config)
    own = {name: value for name, value in options.items() if name not in STREAMING}
    async with await modelden.create_engine(**request) as engine:
        stream = engine.stream(revive(text), **options)
        chunks = [asdict(chunk) async for chunk in stream]
        streamed = engine.last_metrics
        assert streamed is not None
        plain = await engine.run(revive(text), **own)
        return {"chunks": chunks, "result": stream.result, "plain": plain, "made": streamed.output_tokens}


STREAMING = {"per_token", "skip_prompt", "return_tokens", "streamerOptions"}
"""Options of chunks."""


def _bytes(tensor: modelden.Tensor) -> bytes:
    assert isinstance(tensor.flat, memoryview)
    return tensor.flat.tobytes()


ENDLESS: dict[str, Any] = {"max_new_tokens": 480, "per_token": True, "eos_token_id": -1}
"""So long that nobody waits for it."""


async def leave_early(config: dict[str, Any], request: dict[str, Any], text: Json, way: str) -> Json:
    """Leave a generation of many tokens after some, then run another."""
    configure(config)
    text = revive(text)
    async with await modelden.create_engine(**request) as engine:
        fresh = await engine.run(text, max_new_tokens=5)
        with chunks_of_last_worker() as worker_chunks, suppress(LookupError):
            await WAYS[way](engine, text)
            following = await engine.run(text, max_new_tokens=5)
        return {"chunks": len(worker_chunks), "next": following, "fresh": fresh}


async def leave_by_break(engine: modelden.Engine, text: str) -> None:
    async for _ in engine.stream(text, **ENDLESS):
        break


async def leave_by_exception(engine: modelden.Engine, text: str) -> None:
    with suppress(LookupError):
        async for _ in engine.stream(text, **ENDLESS):
            raise LookupError


async def leave_by_aclose(engine: modelden.Engine, text: str) -> None:
    stream = engine.stream(text, **ENDLESS)
    await anext(stream)
    await stream.aclose()


async def leave_by_callback(engine: modelden.Engine, text: str) -> None:
    def fail(_: modelden.Chunk) -> None:
        raise LookupError

    with suppress(LookupError):
        await engine.run(text, on_token=fail, **ENDLESS)
        raise AssertionError("the run did not raise what its callback did")


async def leave_by_cancelling_the_loop(engine: modelden.Engine, text: str) -> None:
    started = asyncio.Event()

    async def loop() -> None:
        async for _ in engine.stream(text, **ENDLESS):
            started.set()

    await cancelled(loop(), started)


async def leave_by_cancelling_the_run(engine: modelden.Engine, text: str) -> None:
    started = asyncio.Event()
    await cancelled(engine.run(text, on_token=lambda _: started.set(), **ENDLESS), started)


async def cancelled(work: Coroutine[Any, Any, Any], started: asyncio.Event) -> None:
    task = asyncio.ensure_future(work)
    await started.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


WAYS = {
    "break": leave_by_break,
    "exception": leave_by_exception,
    "aclose": leave_by_aclose,
    "callback": leave_by_callback,
    "cancelled loop": leave_by_cancelling_the_loop,
    "cancelled run": leave_by_cancelling_the_run,
}


@contextmanager
def chunks_of_last_worker() -> Iterator[list[str]]:
    """All chunks that the worker used last tells, heard or not."""
    chunks: list[str] = []
    js_worker = usedWorkers.at(-1)
    listener = create_proxy(lambda event: chunks.append(event.data.json) if event.data.type == "chunk" else None)
    js_worker.addEventListener("message", listener)
    try:
        yield chunks
    finally:
        js_worker.removeEventListener("message", listener)
        listener.destroy()


async def run_on_token(config: dict[str, Any], request: dict[str, Any], text: str, count: int) -> Json:
    """Run with ``on_token``."""
    configure(config)
    chunks: list[modelden.Chunk] = []
    async with await modelden.create_engine(**request) as engine:
        result = await engine.run(text, on_token=chunks.append, max_new_tokens=count)
    return {"tokens": len(chunks), "text": "".join(chunk.text for chunk in chunks), "result": result}


async def refused_streams(config: dict[str, Any], request: dict[str, Any], text: str) -> list[Json]:
    """Ask a task that does not write for chunks, and with options that do not exist."""
    configure(config)
    messages: list[Json] = []
    async with await modelden.create_engine(**request) as engine:
        for options in ({}, {"per_token": "yes"}, {"streamer_options": {"shout": True}}):
            try:
                async for _ in engine.stream(text, **options):
                    pass
            except modelden.ModelDenError as error:
                messages.append([type(error).__name__, str(error).split(";")[0] if not options else str(error)])
    return messages
