"""Functions in the page for `engines_page.Engines`, beside `in_page`: engines that live on from call to call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from in_page import TEXTS, foreign  # type: ignore[import-not-found]  # beside it in Pyodide

import modelden

type Json = Any

ENGINES: dict[str, modelden.Engine] = {}
EVENTS: list[modelden.Event] = []
OFF: list[Callable[[], None]] = []
PENDING: list[asyncio.Future[Json]] = []


async def create(config: Json | None, **request: Any) -> Json:
    """Create an engine; with ``config``, on a new visit."""
    if config is not None:
        while OFF:
            OFF.pop()()
        EVENTS.clear()
        modelden.configure(**config)
        OFF.extend(modelden.on(kind, EVENTS.append) for kind in ("engine", "run", "error", "update"))
    engine = await modelden.create_engine(request)
    ENGINES[engine.engine_id] = engine
    return describe(engine)


def describe(engine: modelden.Engine) -> Json:
    """The facts of an engine that tests compare."""
    return {"id": engine.engine_id, "revision": engine.model_revision, "status": engine.status}


async def run(engine_id: str) -> Json:
    """Run it; its vectors, or the name of the error."""
    engine = ENGINES[engine_id]
    try:
        tensor = await engine.run(TEXTS, pooling="mean", normalize=True)
    except modelden.ModelDenError as error:
        return type(error).__name__
    return tensor.tolist()


def info(engine_id: str) -> Json:
    """The `Engine.info` of an engine."""
    return dict(ENGINES[engine_id].info())


async def run_sync(engine_id: str) -> Json:
    """Compare the synchronous call with the async one: True if both agree; where it cannot wait, the error's name."""
    engine = ENGINES[engine_id]
    try:
        waited = engine.run_sync(TEXTS, pooling="mean", normalize=True).tolist()
    except modelden.SyncUnavailable as error:
        return str(error)
    return waited == await run(engine_id)


def run_sync_in_a_plain_call(engine_id: str) -> str:
    """The error of a call that waits where it cannot."""
    try:
        ENGINES[engine_id].run_sync(TEXTS)
    except modelden.SyncUnavailable as error:
        return str(error)
    return "it waited"


async def until_status(engine_id: str, status: str) -> str:
    """Wait until it has a status."""
    engine = ENGINES[engine_id]
    arrived = asyncio.Event()
    off = engine.on_status(lambda new: arrived.set() if new == status else None)
    if engine.status != status:
        await arrived.wait()
    off()
    return engine.status


async def while_running(engine_id: str, terminate: Callable[[], object]) -> Json:
    """Start a run that takes long, end its worker from outside, and tell how it ended."""
    running = asyncio.ensure_future(run_long(engine_id))
    await asyncio.sleep(0)
    terminate()
    return await running


async def run_long(engine_id: str) -> Json:
    """A run of many texts."""
    try:
        await ENGINES[engine_id].run(["hello world"] * 20_000, pooling="mean")
    except modelden.ModelDenError as error:
        return type(error).__name__
    return "it ended before"


async def begin_run(engine_id: str) -> None:
    """Begin a run that goes on until it is given up: how long a long one takes is for the machine to say."""
    engine = ENGINES[engine_id]
    slot = engine._runner._slot
    assert slot is not None
    run, has_run = slot.loaded.worker.run, asyncio.Event()

    async def run_on(*args: Any) -> Any:
        result = await run(*args)
        has_run.set()
        await asyncio.Event().wait()
        return result

    vars(slot.loaded.worker)["run"] = run_on
    PENDING.append(asyncio.ensure_future(engine.run(["hello world"], pooling="mean")))
    await has_run.wait()


def begin_update(engine_id: str) -> None:
    """Begin to move to what settings say."""
    PENDING.append(asyncio.ensure_future(update(engine_id)))


def give_up() -> bool:
    """Give up what was begun; whether it still went on."""
    return PENDING.pop().cancel()


async def update(engine_id: str) -> Json:
    """Move to what settings say; whether there was something, or the error's name."""
    return await _outcome(ENGINES[engine_id].update)


async def poll() -> None:
    """Look for changed settings."""
    await modelden.poll_settings()


async def check() -> list[Json]:
    """`modelden.check_updates`."""
    return [asdict(status) for status in await modelden.check_updates()]


async def prefetch(config: Json | None, **request: Any) -> Json:
    """`modelden.prefetch`, with ``config`` on a new visit: None, or what is missing."""
    if config is not None:
        modelden.configure(**config)
    try:
        await modelden.prefetch(**request)
    except modelden.NotPrefetched as error:
        return list(error.missing)
    return None


async def close(engine_id: str) -> None:
    """Close it."""
    await ENGINES.pop(engine_id).close()


async def close_all() -> None:
    """Close all."""
    for engine_id in list(ENGINES):
        await close(engine_id)


def metrics(engine_id: str) -> Json:
    """The last run's figures."""
    last = ENGINES[engine_id].last_metrics
    assert last is not None
    return asdict(last)


def events(kind: str) -> list[Json]:
    """The events since the visit began."""
    found = [asdict(event) for event in EVENTS if event.type == kind]
    assert foreign(found) == []
    return found


async def _outcome(call: Callable[[], Awaitable[Json]]) -> Json:
    try:
        return await call()
    except modelden.ModelDenError as error:
        return type(error).__name__
