"""Functions in the page for the tests of raw models, beside `in_page`, whose rules hold here too."""

from __future__ import annotations

import asyncio
import base64
import gc
import struct
import warnings
from pathlib import Path
from typing import Any

import js
from in_page import configure  # type: ignore[import-not-found]  # pushed by the test
from onnxruntime_api import CASES, Subject  # type: ignore[import-not-found]  # the same
from onnxruntime_probes import outcomes  # type: ignore[import-not-found]  # the same
from pyodide.ffi import to_js

import modelden
from modelden import onnxruntime

type Json = Any

FORMATS = {
    "bool": "?",
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
}


def array(dtype: str, shape: tuple[int, ...], values: list[Any]) -> modelden.Tensor:
    """Return what stands for a NumPy array here."""
    if dtype == "string":
        return modelden.Tensor(values, dtype, shape)
    data = struct.pack(f"={len(values)}{FORMATS[dtype]}", *values)
    return modelden.Tensor(memoryview(data), dtype, shape)


def decoded(models: dict[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(text) for name, text in models.items()}


async def keep_contract(config: dict[str, Any], models: dict[str, str], case: str) -> None:
    """Run one case of ``tests/contracts/onnxruntime_api.py``."""
    configure(config)
    (run,) = (each for each in CASES if each.__name__ == case)
    await run(Subject(onnxruntime, decoded(models), array, lambda x: memoryview(x)[::2]))


async def run_often(config: dict[str, Any], models: dict[str, str], times: int) -> Json:
    """Run a model with a megabyte in and out so often."""
    configure(config)
    x = array("float32", (2**18,), [0.5] * 2**18)
    async with await modelden.load_session(decoded(models)["identity"]) as session:
        for _ in range(times):
            [y] = await session.run_async(None, {"x": x})
    return y.shape == x.shape


async def run_hub(config: dict[str, Any], request: dict[str, Any]) -> Json:
    """Open a model of the hub and run it."""
    configure(config)
    async with await modelden.load_session(**request) as session:
        [y] = await session.run_async(None, {"x": array("float32", (2,), [1, 2])})
        return y.tolist()


async def refused(config: dict[str, Any], request: dict[str, Any]) -> Json:
    """Open a model that cannot be opened."""
    configure(config)
    try:
        await modelden.load_session(**request)
    except modelden.ModelDenError as error:
        return {"name": type(error).__name__, "message": str(error)}
    return None


async def run_ways(config: dict[str, Any], models: dict[str, str]) -> Json:
    """Open a model from a path, by name and as `Path`, and from a Blob."""
    configure(config)
    files = decoded(models)
    folder = written({name: files[name] for name in ("external", "weights.bin")})
    options = onnxruntime.SessionOptions()
    options.add_external_initializers_from_files_in_memory(["weights.bin"], [files["weights.bin"]], [8])
    blob = js.Blob.new(to_js([to_js(files["external"])]))
    sessions = [
        await onnxruntime.InferenceSession.create(str(folder / "external")),
        await modelden.load_session(folder / "external"),
        await modelden.load_session(blob, sess_options=options),
    ]
    results = [
        (await session.run_async(None, {"x": array("float32", (2,), [1, 2])}))[0].tolist() for session in sessions
    ]
    for session in sessions:
        session.close()
    return results


async def run_narrow(config: dict[str, Any], models: dict[str, str]) -> Json:
    """Run a model whose outputs have types that JavaScript lacks, and one whose inputs have them, with the outputs."""
    configure(config)
    async with await modelden.load_session(decoded(models)["narrow-out"]) as session:
        values = await session.run_async(None, {"x": array("float32", (3,), [1, 2.5, -3])})
        outputs = {node.name: y for node, y in zip(session.get_outputs(), values, strict=True)}
    async with await modelden.load_session(decoded(models)["narrow-in"]) as session:
        again = await session.run_async(None, outputs)
    return {name: [str(y.dtype), y.tolist(), z.tolist()] for (name, y), z in zip(outputs.items(), again, strict=True)}


async def open_and_close(models: dict[str, str], model: str, times: int, feed: dict[str, Any]) -> None:
    """Open a model so often, run it once and close it; feeds are pairs of a data type and of numbers."""
    feed = {name: array(dtype, (len(values),), values) for name, (dtype, values) in feed.items()}
    data = decoded(models)[model]
    for _ in range(times):
        async with await onnxruntime.InferenceSession.create(data) as session:
            await session.run_async(None, feed)


def written(files: dict[str, bytes]) -> Path:
    """Write files into Pyodide's file system."""
    folder = Path("/home/pyodide/raw")
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


OPEN: list[onnxruntime.InferenceSession] = []


async def open_one(config: dict[str, Any], models: dict[str, str]) -> None:
    """Open a session for the next calls."""
    configure(config)
    OPEN.append(await onnxruntime.InferenceSession.create(decoded(models)["add"]))


async def open_pair(config: dict[str, Any], models: dict[str, str]) -> None:
    """Open an endless model and a quick one, and begin a run of the first."""
    configure(config)
    OPEN.append(await onnxruntime.InferenceSession.create(decoded(models)["endless"]))
    OPEN.append(await onnxruntime.InferenceSession.create(decoded(models)["x-to-y"]))
    RUNS.append(asyncio.ensure_future(OPEN[0].run_async(None, {"x": [0], "times": array("int64", (), [2**62])})))


RUNS: list[asyncio.Future[Json]] = []
"""Runs that are under way."""


async def run_pair() -> Json:
    """Wait for the run, then run both."""
    feed = {"x": [1, 2]}
    try:
        await RUNS.pop()
    except modelden.ModelDenError as error:
        name = type(error).__name__
    [y] = await OPEN[1].run_async(None, feed)
    [again] = await OPEN[1].run_async(None, feed)
    await OPEN[0].run_async(None, {"x": [0], "times": array("int64", (), [1])})
    return [name, y.tolist(), again.tolist()]


def close_all() -> None:
    """Close all open sessions."""
    while OPEN:
        OPEN.pop().close()


async def open_on_gpu(config: dict[str, Any], models: dict[str, str]) -> None:
    """Open a session for WebGPU, for the next calls."""
    configure(config)
    providers = ["WebGpuExecutionProvider", "CPUExecutionProvider"]
    OPEN.append(await onnxruntime.InferenceSession.create(decoded(models)["add"], providers=providers))


async def run_twice_at_once() -> Json:
    """Run the open session twice at once: what it gives, and on what."""
    session = OPEN[-1]
    feed = {name: array("float32", (1, 2), [1, 2]) for name in "ab"}
    (total, _), (again, _) = await asyncio.gather(session.run_async(None, feed), session.run_async(None, feed))
    info = session.info()
    return [total.tolist(), again.tolist(), session.get_providers(), info.device, info.device_reason, info.onnxruntime]


def close_open() -> None:
    """Close the open session."""
    OPEN.pop().close()


def every_second(x: modelden.Tensor) -> Any:
    """Return a view with gaps; of a table its first row, because no `memoryview` skips rows."""
    view = memoryview(x)
    if view.ndim == 1:
        return view[::2]
    return modelden.Tensor(view.cast("B")[: view.nbytes // 2], x.dtype, (1, x.shape[1]))


async def probe(config: dict[str, Any], models: dict[str, str]) -> Json:
    """The outcomes of ``tests/contracts/onnxruntime_probes.py``."""
    configure(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a browser cannot honour
        return outcomes(Subject(onnxruntime, decoded(models), array, every_second))


async def import_by_name(config: dict[str, Any], models: dict[str, str]) -> Json:
    """Import onnxruntime as an unmodified package does, and run a model."""
    configure(config)
    import onnxruntime as native_name
    from onnxruntime.capi import _pybind_state
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

    session = await native_name.InferenceSession.create(decoded(models)["x-to-y"])
    [y] = await session.run_async(None, {"x": [1, 2]})
    names = []
    for error_class in (InvalidArgument, _pybind_state.InvalidArgument, modelden.InputError, modelden.ModelDenError):
        try:
            await session.run_async(None, {"x": array("int8", (1,), [1])})
        except error_class as error:
            names.append(str(error))
    try:
        await native_name.InferenceSession.create(b"no model")
    except _pybind_state.InvalidProtobuf as error:
        names.append(str(error))
    session.close()
    return [native_name is onnxruntime, y.tolist(), names]


def wait_in_a_plain_call() -> list[str]:
    """The calls that wait, where nothing can be suspended: what they say."""
    messages = []
    for call in (lambda: onnxruntime.InferenceSession(b""), lambda: OPEN[0].run(None, {})):
        try:
            call()
        except modelden.ModelDenError as error:
            messages.append(str(error))
    return messages


async def close_one() -> Json:
    """Run and close it, and run it once more."""
    session = OPEN.pop()
    two = array("float32", (1, 2), [1, 2])
    [total] = await session.run_async(["sum"], {"a": two, "b": two})
    session.close()
    try:
        await session.run_async(None, {"a": two, "b": two})
    except modelden.ModelDenError as error:
        return [total.tolist(), type(error).__name__]
    return None


def collect() -> None:
    """Find garbage: what an exception's frames hold goes only then."""
    gc.collect()
