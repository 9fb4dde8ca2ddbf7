"""A page from navigation to the first vector, Pyodide's start included, against transformers.js alone.

    python bench/page.py chromium firefox

Pages, each at an origin of its own: transformers.js alone as it comes and with the small WASM file; modelden on Pyodide
with its library as sources (plain), as bytecode, started by the boot script from a snapshot, and the same with the last
engine's worker before Python (all).

Cold, each page is visited once in a new profile, by a line of 20 MB/s and 50 ms. Warm, all are visited in turns, each
time in a new page of that profile, without a limit. Milliseconds, ratios to the first page, and the browser's peak of
memory in one more turn, as a ratio to the page with bytecode. Prints JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from link import Link
from pages import ROOT  # also makes tests/ known
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from start import ALONE, FEATURE, options, visit

from bench.profiles import Peak, settle
from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.server import RunningServer
from tests.pyodide.servers import PACKAGE_6, RUNTIME_6, Site, offer_runtime_6

VISITS = 9
COLD_VISITS = 3
RATE = 20_000_000
LATENCY = 0.05

SMALL = 'env.backends.onnx.wasm.wasmPaths = { wasm: "ORIGIN/onnxruntime/ort-wasm-simd-threaded.wasm", '
SMALL += 'mjs: "ORIGIN/onnxruntime/ort-wasm-simd-threaded.mjs" };'

PYTHON = """
  const value = await python.runPythonAsync(`
import json
import modelden
modelden.configure(**json.loads('CONFIG'))
engine = await modelden.create_engine(feature_id="FEATURE")
vectors = await engine.run("This is a test.", pooling="mean", normalize=True)
vectors.tolist()[0][0]
  `);
  return { value, ms: performance.now() };
"""

LOAD = """
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const stdLibURL = "/LIBRARY/python_stdlib.zip";
  const python = await loadPyodide({ indexURL: "/pyodide/", packages: ["modelden"], stdLibURL });
"""

BOOT = """
  const { boot } = await import("/SCRIPTS/boot.js");
  const python = await boot({ pyodide: "/pyodide/" });
"""

PAGES = {
    "plain": LOAD.replace("LIBRARY", "npm"),
    "bytecode": LOAD.replace("LIBRARY", "pyodide"),
    "snapshot": BOOT.replace("SCRIPTS", "boot"),  # without workers beside it
    "all": BOOT.replace("SCRIPTS", "modelden"),
}

ASSETS = ROOT / "src/modelden/_js/assets"


def linked_site(tree: Path, link: Link) -> Site:
    """Return a site whose servers are behind a line."""
    site = Site(tree)
    site.settings, site.hub = RunningServer(link.wrap(site.stall)), RunningServer(link.wrap(site.stall))
    return site


def page_server(site: Site, link: Link) -> RunningServer:
    """Serve the pages and their files, which browsers may keep, as those of a CDN."""
    record = options(site)
    model = site.folder / "hub" / record["modelId"]
    shutil.copytree(model / record["modelRevision"], model / "main", dirs_exist_ok=True)
    alone = ALONE.replace("HUB", f"{site.hub.url}/").replace("MODEL", record["modelId"])
    paths = 'env.backends.onnx.wasm.wasmPaths = "ORIGIN/onnxruntime/";'
    pages = {"alone": alone, "alone small": alone.replace(paths, SMALL)}
    config = json.dumps({**site.config, "runtime_major": 6})
    for name, start in PAGES.items():
        body = (start + PYTHON).replace("CONFIG", config).replace("FEATURE", FEATURE)
        script = f"globalThis.first = (async () => {{{body}}})();"
        pages[name] = f'<!doctype html><link rel="icon" href="data:,"><script type="module">{script}</script>'

    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(pages[request.path_params["name"].replace("-", " ")])

    routes = [
        Route("/page/{name}", page),
        Mount("/pyodide", StaticFiles(directory=ROOT / "build/pyodide")),
        Mount("/npm", StaticFiles(directory=ROOT / "node_modules/pyodide")),
        Mount("/modelden", StaticFiles(directory=ASSETS)),
        Route("/boot/boot.js", lambda _: FileResponse(ASSETS / "boot.js")),
        Mount("/transformers", StaticFiles(directory=PACKAGE_6 / "dist")),
        Mount("/onnxruntime", StaticFiles(directory=RUNTIME_6.parent)),
    ]
    return RunningServer(link.wrap(AnyOrigin(Starlette(routes=routes), ())))


def measure(driver: Any, browser: str, tree: Path) -> dict[str, Any]:
    """Measure all pages in one browser."""
    names = ["alone", "alone small", *PAGES]
    link = Link()
    with linked_site(tree, link) as site, page_server(site, link) as served:
        offer_runtime_6(site)
        port = served.url.rpartition(":")[2]
        hosts = {name: name.replace(" ", "-") for name in names}
        urls = {name: f"http://{host}.localhost:{port}/page/{host}" for name, host in hosts.items()}
        colds: list[dict[str, float]] = []
        for _ in range(COLD_VISITS):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                context = open_profile(driver, browser, Path(folder))
                link.rate, link.latency = RATE, LATENCY
                colds.append({name: visit(context, url)["ms"] for name, url in urls.items()})
                if len(colds) < COLD_VISITS:
                    context.close()
                    continue
                link.rate, link.latency = None, 0
                for url in urls.values():  # what the first visit prepared
                    visit(context, url)
                turns = [{name: visit(context, url)["ms"] for name, url in urls.items()} for _ in range(VISITS)]
                memory = {name: peak(context, url) for name, url in urls.items()}
                context.close()
    return {
        "cold": summary(colds),
        "warm": summary(turns),
        "memory, MiB": memory,
        "memory to bytecode": {name: round(size / memory["bytecode"], 3) for name, size in memory.items()},
    }


def summary(rounds: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the median of each page, and that of its ratios to the first one in the same round."""
    names = rounds[0]
    return {
        "median": {name: round(statistics.median(times[name] for times in rounds)) for name in names},
        "ratio": {
            name: round(statistics.median(times[name] / times["alone"] for times in rounds), 3) for name in names
        },
    }


def peak(context: Any, url: str) -> int:
    """Return the most memory that the browser takes until the first vector, in MiB."""
    settle(os.getpid())
    with Peak(os.getpid()) as most:
        visit(context, url)
    return most.mib()["all"]


def main(names: list[str]) -> None:
    """Measure in these browsers, or in both."""
    with playwright() as driver, tempfile.TemporaryDirectory() as folder:
        tree = shutil.copytree(ROOT / "build/tree", Path(folder) / "tree")
        results = {name: measure(driver, name, tree) for name in names or ["chromium", "firefox"]}
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
