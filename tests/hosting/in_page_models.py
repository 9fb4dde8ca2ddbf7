"""The page's half of tests of models: it opens each one with `modelden.onnxruntime` and runs it."""

from __future__ import annotations

import base64
import importlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from js import fetch

import modelden
from modelden.engine.tensor import FORMATS
from modelden.onnxruntime import InferenceSession, install

PACK: list[bytes] = []

OPEN: list[InferenceSession] = []
"""The last session, which keeps its worker alive for the next one."""


async def load(config: dict[str, Any], url: str) -> list[dict[str, Any]]:
    """Configure modelden and fetch what ``model_pack.py`` wrote."""
    modelden.configure(**config)
    PACK[:] = [(await (await fetch(f"{url}/pack.bin")).arrayBuffer()).to_bytes()]
    cases: list[dict[str, Any]] = json.loads(await (await fetch(f"{url}/cases.json")).text())
    return cases


async def run(config: dict[str, Any], url: str, names: list[str] | None = None) -> dict[str, Any]:
    """Run the models of these names, or all: the outputs of each run by model, or the text of an error."""
    cases = await load(config, url)
    outcomes = {case["name"]: await outcome(case) for case in cases if names is None or case["name"] in names}
    OPEN.pop().close()
    return outcomes


async def outcome(case: dict[str, Any]) -> Any:
    """Return the outputs of each run, or the text of an error. The session before is closed when this one is open."""
    try:
        OPEN.append(await InferenceSession.create(part(case["model"])))
        for session in OPEN[:-1]:
            session.close()
        del OPEN[:-1]
        feeds = [{name: value(item) for name, item in feed.items()} for feed in case["feeds"]]
        return [[plain(output) for output in outputs] for outputs in await OPEN[0].run_many_async(None, feeds)]
    except modelden.ModelDenError as error:
        return f"{type(error).__name__}: {error}"


def part(at: list[int]) -> memoryview:
    """Return some bytes of the pack."""
    offset, length = at
    return memoryview(PACK[0])[offset : offset + length]


def value(item: Any) -> Any:
    """Return an input as a caller has it."""
    if item is None:
        return None
    if isinstance(item, list):
        return [value(each) for each in item]
    shape = tuple(item["dims"])
    if "strings" in item:
        return modelden.Tensor(item["strings"], "string", shape)
    return modelden.Tensor(part(item["at"]).cast(FORMATS[item["dtype"]]), item["dtype"], shape)


def plain(output: Any) -> Any:
    """Return an output as JSON has it."""
    if output is None:
        return None
    if isinstance(output, list):
        is_maps = bool(output) and isinstance(output[0], dict)
        return {"maps": output} if is_maps else [plain(each) for each in output]
    if output.dtype == "string":
        return {"strings": list(output.flat), "dims": list(output.shape)}
    data = bytes(output.flat)
    return {"dtype": output.dtype, "dims": list(output.shape), "data": base64.b64encode(data).decode()}


async def identify(url: str, files: dict[str, list[int]]) -> list[list[Any]]:
    """Run magika as it is, out of its wheel, on some files."""
    folder = Path("/home/pyodide/packages")
    wheel = (await (await fetch(f"{url}/magika.whl")).arrayBuffer()).to_bytes()
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        archive.extractall(folder)
    sys.path.insert(0, str(folder))
    install()
    identify = importlib.import_module("magika").Magika().identify_bytes
    results = [identify(bytes(content)) for content in files.values()]
    return [[str(result.output.label), round(result.score, 4)] for result in results]
