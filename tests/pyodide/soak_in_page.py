"""Calls of the test of endurance in the page: each may fail with an error of modelden, and with no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from in_page import TEXTS  # type: ignore[import-not-found]  # beside it in Pyodide

import modelden

type Json = Any

ENGINES: dict[str, modelden.Engine] = {}


async def load(request: dict[str, Any]) -> str:
    """Create an engine, in place of the one with its id."""

    async def create() -> None:
        ENGINES[request["engine_id"]] = await modelden.create_engine(**request)

    return await outcome(create())


async def cancel_load(request: dict[str, Any], iterations: int) -> str:
    """Create an engine, and cancel that after so many iterations of the event loop."""
    creating = asyncio.ensure_future(modelden.create_engine(**request))
    await _cancel(creating, iterations)

    async def close() -> None:
        await (await creating).close()

    return await outcome(close())


async def run(number: int) -> str:
    """Run one of the engines."""
    return await outcome(_run(number)) if ENGINES else "none"


async def cancel_run(number: int, iterations: int) -> str:
    """Run one of the engines, and cancel that."""
    if not ENGINES:
        return "none"
    running = asyncio.ensure_future(_run(number))
    await _cancel(running, iterations)
    return await outcome(running)


async def update() -> str:
    """Read the settings and move all engines to what they say."""

    async def update_all() -> None:
        await modelden.poll_settings()
        for engine in ENGINES.values():
            await engine.update()

    return await outcome(update_all())


async def delete(name: str) -> str:
    """Delete all revisions of a model."""
    return await outcome(modelden.ModelHub().delete_models(model=name))


async def close_all() -> None:
    """Close all engines."""
    while ENGINES:
        await ENGINES.popitem()[1].close()


async def outcome(call: Awaitable[Any]) -> str:
    """Wait for a call. Returns ``done``, ``cancelled`` or the name of modelden's error."""
    try:
        await call
    except modelden.ModelDenError as error:
        return type(error).__name__
    except asyncio.CancelledError:
        return "cancelled"
    return "done"


async def _run(number: int) -> None:
    engine = list(ENGINES.values())[number % len(ENGINES)]
    await engine.run(TEXTS, pooling="mean", normalize=True)


async def _cancel(task: asyncio.Future[Any], iterations: int) -> None:
    for _ in range(iterations):
        await asyncio.sleep(0)
    task.cancel()
