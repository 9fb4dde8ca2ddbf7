"""A page from navigation to the first vector, Pyodide's start included, against transformers.js alone.

    python bench/page.py chromium firefox

Pages, each at an origin of its own: transformers.js alone as it comes and with the small WASM file; modelden on Pyodide
with its library as sources (plain), as bytecode, and started by the boot script from a snapshot. All are visited cold,
then in turns, each time in a new page of one profile. Milliseconds, and ratios to the first page. Prints JSON.
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

from pages import ROOT  # also makes tests/ known
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from start import ALONE, FEATURE, options, visit

from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.server import RunningServer
from tests.pyodide.servers import PACKAGE_6, RUNTIME_6, Site, offer_runtime_6

VISITS = 9

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
  const { boot } = await import("/modelden/boot.js");
  const python = await boot({ pyodide: "/pyodide/" });
"""

PAGES = {"plain": LOAD.replace("LIBRARY", "npm"), "bytecode": LOAD.replace("LIBRARY", "pyodide"), "snapshot": BOOT}


def page_server(site: Site) -> RunningServer:
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
        Mount("/modelden", StaticFiles(directory=ROOT / "src/modelden/_js/assets")),
        Mount("/transformers", StaticFiles(directory=PACKAGE_6 / "dist")),
        Mount("/onnxruntime", StaticFiles(directory=RUNTIME_6.parent)),
    ]
    return RunningServer(AnyOrigin(Starlette(routes=routes), ()))


def measure(driver: Any, browser: str, tree: Path) -> dict[str, Any]:
    """Measure all pages in one browser."""
    names = ["alone", "alone small", *PAGES]
    with Site(tree) as site, page_server(site) as served, tempfile.TemporaryDirectory() as folder:
        offer_runtime_6(site)
        context = open_profile(driver, browser, Path(folder))
        port = served.url.rpartition(":")[2]
        hosts = {name: name.replace(" ", "-") for name in names}
        urls = {name: f"http://{host}.localhost:{port}/page/{host}" for name, host in hosts.items()}
        cold = {name: round(visit(context, url)["ms"]) for name, url in urls.items()}
        turns = [{name: visit(context, url)["ms"] for name, url in urls.items()} for _ in range(VISITS)]
        context.close()
    return {
        "cold": cold,
        "median": {name: round(statistics.median(turn[name] for turn in turns)) for name in names},
        "ratio": {name: round(statistics.median(turn[name] / turn["alone"] for turn in turns), 3) for name in names},
    }


def main(names: list[str]) -> None:
    """Measure in these browsers, or in both."""
    with playwright() as driver, tempfile.TemporaryDirectory() as folder:
        tree = shutil.copytree(ROOT / "build/tree", Path(folder) / "tree")
        results = {name: measure(driver, name, tree) for name in names or ["chromium", "firefox"]}
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
