"""A warm visit: from Pyodide being ready to an engine's first result, against transformers.js alone from page load.

    python bench/start.py chromium firefox

transformers.js is alone in a module worker, as published, with its own cache and wasm. Both are visited once cold, then
in turns, each time in a new page of one profile. Medians in milliseconds. Prints JSON on stdout.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from pages import ROOT  # also makes tests/ known
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from modelden.host.browsers import open_profile, playwright
from modelden.host.cors import AnyOrigin
from modelden.host.server import RunningServer
from tests.pyodide.servers import Site

VISITS = 9
FEATURE = "simple-text-embedder"

ALONE = """<!doctype html><link rel="icon" href="data:,"><script type="module">
  const source = `
    import { env, pipeline } from "ORIGIN/transformers/transformers.min.js";
    env.allowLocalModels = false;
    env.remoteHost = "HUB";
    env.remotePathTemplate = "hub/{model}/{revision}";
    env.backends.onnx.wasm.wasmPaths = "ORIGIN/onnxruntime/";
    env.backends.onnx.wasm.numThreads = 1;
    const embed = await pipeline("feature-extraction", "MODEL", { revision: "REVISION", dtype: "q8" });
    const { data } = await embed("This is a test.", { pooling: "mean", normalize: true });
    postMessage(data[0]);
  `.replaceAll("ORIGIN", location.origin);
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  globalThis.first = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve({ value: data, ms: performance.now() });
    worker.onerror = ({ message }) => reject(new Error(message));
  });
</script>"""

MODELDEN = """<!doctype html><link rel="icon" href="data:,"><script type="module">
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const options = { indexURL: "/pyodide/", packages: ["modelden"] };
  const python = await loadPyodide(options);
  const ready = performance.now();
  const [value, steps] = (await python.runPythonAsync(`
import json, time
ready = time.perf_counter()
steps = []
def tell(what):
    steps.append((what, round((time.perf_counter() - ready) * 1000)))
import modelden
tell("imported")
modelden.configure(**json.loads('CONFIG'))
def on_progress(event):
    tell(f"{event.type} {event.status_text} {event.id.rpartition('/')[2]}")
engine = await modelden.create_engine(feature_id="FEATURE", on_progress=on_progress)
tell("created")
vectors = await engine.run("This is a test.", pooling="mean", normalize=True)
tell("ran")
(vectors.tolist()[0][0], json.dumps(steps))
  `)).toJs();
  globalThis.first = { value, steps, ms: performance.now() - ready };
  document.title = "done";
</script>"""


def page_server(site: Site) -> RunningServer:
    """The two pages, with what they load."""
    record = next(
        record
        for record in site.collection("ml-inference-options").state.records.values()
        if record.get("featureId") == FEATURE
    )
    alone = ALONE.replace("HUB", f"{site.hub.url}/")
    alone = alone.replace("MODEL", record["modelId"]).replace("REVISION", record["modelRevision"])
    ours = MODELDEN.replace("CONFIG", json.dumps(site.config)).replace("FEATURE", FEATURE)
    modules = ROOT / "node_modules"
    routes = [
        Route("/alone", lambda _: HTMLResponse(alone)),
        Route("/modelden", lambda _: HTMLResponse(ours)),
        Mount("/pyodide", StaticFiles(directory=ROOT / "build/pyodide")),
        Mount("/transformers", StaticFiles(directory=modules / "@huggingface/transformers/dist")),
        Mount("/onnxruntime", StaticFiles(directory=modules / "onnxruntime-web/dist")),
    ]
    return RunningServer(AnyOrigin(Starlette(routes=routes), ()))


def visit(context: Any, url: str) -> dict[str, Any]:
    """The first result of a new page."""
    page = context.new_page()
    try:
        page.goto(url)
        page.wait_for_function("() => globalThis.first", timeout=120_000)
        told: dict[str, Any] = page.evaluate("async () => await globalThis.first")
        return told
    finally:
        page.close()


def measure(driver: Any, name: str) -> dict[str, Any]:
    """All figures of one browser."""
    with Site(ROOT / "build/tree") as site, page_server(site) as served, tempfile.TemporaryDirectory() as folder:
        context = open_profile(driver, name, Path(folder))
        pages = {kind: f"{served.url}/{kind}" for kind in ("alone", "modelden")}
        cold = {kind: visit(context, url)["ms"] for kind, url in pages.items()}
        turns = [{kind: visit(context, url) for kind, url in pages.items()} for _ in range(VISITS)]
        context.close()
    times = {kind: sorted(round(turn[kind]["ms"]) for turn in turns) for kind in pages}
    middle = min(turns, key=lambda turn: abs(turn["modelden"]["ms"] - statistics.median(times["modelden"])))
    return {
        "cold": {kind: round(value) for kind, value in cold.items()},
        "warm": times,
        "ratio of the medians": round(statistics.median(times["modelden"]) / statistics.median(times["alone"]), 3),
        "ratio of the fastest": round(times["modelden"][0] / times["alone"][0], 3),
        "steps of modelden": json.loads(middle["modelden"]["steps"]),
    }


def main(names: list[str]) -> None:
    """Measure in these browsers, or in both."""
    with playwright() as driver:
        found = {name: measure(driver, name) for name in names or ["chromium", "firefox"]}
    print(json.dumps({"load average": os.getloadavg()[0], **found}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
