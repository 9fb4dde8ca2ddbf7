"""Functions in the page for `test_odd_calls`: calls drawn by ``tests/odd_calls.py``, also with objects of the page."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import js
from in_page import configure  # type: ignore[import-not-found]  # pushed by the test
from js import Array, Blob, Object, Promise, Uint8Array
from odd_calls import (  # type: ignore[import-not-found]  # pushed by the test
    TARGETS,
    call_through,
    close,
    draw_arguments,
    public,
)
from odd_values import ODD  # type: ignore[import-not-found]  # pushed by the test
from pyodide.ffi import jsnull

import modelden
from modelden import onnxruntime

OF_A_PAGE: dict[str, Callable[[], Any]] = {
    "null": lambda: jsnull,
    "JavaScript object": Object.new,
    "JavaScript array": lambda: Array.of(1, "a"),
    "JavaScript bytes": lambda: Uint8Array.new(3),
    "empty Blob": Blob.new,
    "JavaScript function": lambda: js.parseInt,
    "promise": lambda: Promise.resolve(1),
    "endless promise": lambda: Promise.withResolvers().promise,
    "global object": lambda: js.globalThis,
    "URL": lambda: js.URL.new("http://localhost:1/"),
    "symbol": lambda: js.Symbol.iterator,
    "BigInt": lambda: js.BigInt(1),
}
"""Odd values that only a page has."""

LIMIT = 60
"""Seconds in which each call ends: more than any time limit that it may be given by chance."""

LEFT_OUT = {
    ("", "configure"),  # the next calls would ask another server
    ("", "persist"),  # asks the visitor in Firefox
}


async def _engine() -> modelden.Engine:
    return await modelden.create_engine(feature_id="tiny")


async def _made(thing: Any) -> Any:
    return thing


INSTANCES: dict[str, Callable[[], Awaitable[Any]]] = {
    "Audio": lambda: _made(modelden.Audio(memoryview(bytes(8)).cast("f"), 16_000)),
    "Engine": _engine,
    "Image": lambda: _made(modelden.Image(bytes(4), 2, 2, 1)),
    "ModelHub": lambda: _made(modelden.ModelHub()),
    "PipelineOptions": lambda: _made(modelden.PipelineOptions()),
    "RemoteSettings": lambda: _made(modelden.RemoteSettings("ml-onnx-runtime")),
    "RunOptions": lambda: _made(onnxruntime.RunOptions()),
    "SessionOptions": lambda: _made(onnxruntime.SessionOptions()),
    "Tensor": lambda: _made(modelden.Tensor(memoryview(bytes(4)), "float32", (1,))),
    "VectorIndex": lambda: modelden.VectorIndex.open("notes", model_id="test/tiny"),
}


async def odd_calls(config: dict[str, Any], seed: str, number: int) -> list[str]:
    """Make calls that are drawn by a seed; return those that did not return and raised no `ModelDenError`."""
    configure(config)
    targets = [each for each in TARGETS if each not in LEFT_OUT and (not each[0] or each[0] in INSTANCES)]
    faults = []
    for example in range(number):
        random = Random(f"{seed} {example}")  # noqa: S311  it keeps no secret
        owner, name = random.choice(targets)
        drawn: dict[str, str] = {}
        fault = await _call(random, owner, name, drawn)
        if fault is not None:
            faults.append(f"{seed} {example}: {owner} {name} {drawn}: {fault!r}")
    return faults


async def _call(random: Random, owner: str, name: str, drawn: dict[str, str]) -> Exception | None:
    instance = await INSTANCES[owner]() if owner else None
    call = getattr(instance, name) if owner else public(name)
    args, options = draw_arguments(random, call, owner, ODD | OF_A_PAGE, drawn)
    try:
        inspect.signature(call).bind(*args, **options)
    except TypeError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            async with asyncio.timeout(LIMIT):
                await close(await call_through(call, args, options))
    except modelden.ModelDenError:
        return None
    except Exception as error:  # noqa: BLE001  what is looked for
        return error
    finally:
        await close(instance)
    return None
