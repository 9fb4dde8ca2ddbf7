"""A warm visit: from Pyodide being ready to an engine's first result, against transformers.js alone from page load.

    python bench/start.py chromium firefox
    python bench/start.py --against OTHER/build/pyodide chromium firefox

transformers.js is alone in a module worker, as published, with its own cache and the WASM file that it takes by itself
(``baselines.md``: ``tjs:asyncify``). modelden is there with each runtime that it has, at an origin of its own. All are
visited once cold, then in turns, each time in a new page of one profile. With ``--against``, a Pyodide with another
build of modelden is visited too. Milliseconds. Prints JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from pages import ROOT  # also makes tests/ known
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.server import RunningServer
from tests.pyodide.servers import PACKAGE_6, RUNTIME_6, Site, offer_runtime_6

VISITS = 9
MAJORS = (5, 6)
FEATURE = "simple-text-embedder"

ALONE = """<!doctype html><link rel="icon" href="data:,"><script type="module">
  const source = `
    import { env, pipeline } from "ORIGIN/transformers/transformers.min.js";
    env.allowLocalModels = false;
    env.remoteHost = "HUB";
    env.remotePathTemplate = "hub/{model}/{revision}";
    env.backends.onnx.wasm.wasmPaths = "ORIGIN/onnxruntime/";
    env.backends.onnx.wasm.numThreads = 1;
    const embed = await pipeline("feature-extraction", "MODEL", { dtype: "q8" });
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
  const { loadPyodide } = await import("/PYODIDE/pyodide.mjs");
  const options = { indexURL: "/PYODIDE/", packages: ["modelden"] };
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


def options(site: Site) -> dict[str, Any]:
    """Find the record of the measured feature."""
    records = site.collection("ml-inference-options").state.records.values()
    return next(record for record in records if record.get("featureId") == FEATURE)


def page_server(site: Site, against: Path) -> RunningServer:
    """Serve the pages and their files; ``against`` is the folder of the other Pyodide."""
    record = options(site)
    alone = ALONE.replace("HUB", f"{site.hub.url}/").replace("MODEL", record["modelId"])
    # transformers.js 4 looks for the list of files on the branch main, whatever the revision.
    model = site.folder / "hub" / record["modelId"]
    shutil.copytree(model / record["modelRevision"], model / "main", dirs_exist_ok=True)

    def ours(request: Request) -> HTMLResponse:
        config = json.dumps({**site.config, "runtime_major": request.path_params["major"]})
        page = MODELDEN.replace("CONFIG", config).replace("FEATURE", FEATURE)
        return HTMLResponse(page.replace("PYODIDE", request.path_params["pyodide"]))

    routes = [
        Route("/alone", lambda _: HTMLResponse(alone)),
        Route("/modelden/{pyodide}/{major:int}", ours),
        Mount("/pyodide", StaticFiles(directory=ROOT / "build/pyodide")),
        Mount("/against", StaticFiles(directory=against)),
        Mount("/transformers", StaticFiles(directory=PACKAGE_6 / "dist")),
        Mount("/onnxruntime", StaticFiles(directory=RUNTIME_6.parent)),
    ]
    return RunningServer(AnyOrigin(Starlette(routes=routes), ()))


def visit(context: Any, url: str) -> dict[str, Any]:
    """Return the first result of a new page."""
    page = context.new_page()
    try:
        page.goto(url)
        page.wait_for_function("() => globalThis.first", timeout=120_000)
        report: dict[str, Any] = page.evaluate("async () => await globalThis.first")
        return report
    finally:
        page.close()


def measure(driver: Any, name: str, tree: Path, against: Path | None) -> dict[str, Any]:
    """Measure all figures of one browser."""
    with (
        Site(tree) as site,
        page_server(site, against or ROOT / "build/pyodide") as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        offer_runtime_6(site)
        context = open_profile(driver, name, Path(folder))
        port = served.url.rpartition(":")[2]
        pages = {"alone": f"{served.url}/alone"}
        majors = {f"modelden {major}": ("pyodide", major) for major in MAJORS}
        if against is not None:
            majors["against"] = "against", MAJORS[-1]
        for kind, (pyodide, major) in majors.items():
            pages[kind] = f"http://{kind.replace(' ', '-')}.localhost:{port}/modelden/{pyodide}/{major}"
        cold = {kind: visit(context, url)["ms"] for kind, url in pages.items()}
        turns = [{kind: visit(context, url) for kind, url in pages.items()} for _ in range(VISITS)]
        context.close()
    times = {kind: sorted(round(turn[kind]["ms"]) for turn in turns) for kind in pages}
    medians = {kind: statistics.median(durations) for kind, durations in times.items()}
    ours = list(pages)[1:]
    paired = [turn[f"modelden {MAJORS[-1]}"]["ms"] / turn[ours[-1]]["ms"] for turn in turns]
    fastest = {kind: min(turns, key=lambda turn: turn[kind]["ms"])[kind] for kind in ours}
    return {
        "cold": {kind: round(value) for kind, value in cold.items()},
        "warm": times,
        "ratio of the medians": {kind: round(medians[kind] / medians["alone"], 3) for kind in ours},
        **({} if against is None else {"paired ratio": round(statistics.median(paired), 3)}),
        "ratio of the fastest": {kind: round(times[kind][0] / times["alone"][0], 3) for kind in ours},
        "steps of the fastest": {kind: json.loads(fastest[kind]["steps"]) for kind in ours},
    }


def main() -> None:
    """Measure in the browsers that are named, or in both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", type=Path, help="the folder build/pyodide of another build")
    parser.add_argument("browsers", nargs="*", default=["chromium", "firefox"])
    arguments = parser.parse_args()
    with playwright() as driver, tempfile.TemporaryDirectory() as folder:
        tree = shutil.copytree(ROOT / "build/tree", Path(folder) / "tree")
        results = {name: measure(driver, name, tree, arguments.against) for name in arguments.browsers}
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main()
