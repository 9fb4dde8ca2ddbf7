"""The start of a page with Pyodide: its standard library as sources, as bytecode, and as bytecode with sources.

    python bench/boot.py chromium firefox

The three are visited in turns, each time in a new page of one profile, after a visit of each that fills the HTTP cache.
Milliseconds from the start of the navigation to Python being ready, and their ratio to the sources in the same turn.
Prints JSON on stdout.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from pages import ROOT
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.browser.stdlib import write_bytecode
from modelden.host.serve.server import RunningServer

VISITS = 9
PYODIDE = ROOT / "node_modules/pyodide"

PAGE = """<!doctype html><link rel="icon" href="data:,"><script type="module">
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  await loadPyodide({ indexURL: "/pyodide/", stdLibURL: "/libraries/LIBRARY" });
  globalThis.ready = performance.now();
</script>"""


def libraries(folder: Path) -> dict[str, Path]:
    """Write the libraries to compare, and return them with the baseline first."""
    sources = folder / "sources.zip"
    sources.write_bytes((PYODIDE / "python_stdlib.zip").read_bytes())
    return {
        "sources": sources,
        "bytecode": write_bytecode(PYODIDE, folder / "bytecode.zip").path,
        "bytecode and sources": write_bytecode(PYODIDE, folder / "both.zip", sources=True).path,
    }


def page(request: Request) -> HTMLResponse:
    """Return a page that starts Pyodide on one of the libraries."""
    return HTMLResponse(PAGE.replace("LIBRARY", request.path_params["library"]))


def visit(context: Any, url: str) -> float:
    """Return the milliseconds until Python is ready in a new page."""
    tab = context.new_page()
    try:
        tab.goto(url)
        tab.wait_for_function("() => globalThis.ready", timeout=120_000)
        milliseconds: float = tab.evaluate("() => globalThis.ready")
        return milliseconds
    finally:
        tab.close()


def measure(driver: Any, browser: str, folder: Path) -> dict[str, Any]:
    """Measure all libraries in one browser."""
    files = libraries(folder)
    routes = [
        Route("/page/{library}", page),
        Mount("/pyodide", StaticFiles(directory=PYODIDE)),
        Mount("/libraries", StaticFiles(directory=folder)),
    ]
    with RunningServer(Starlette(routes=routes)) as server, tempfile.TemporaryDirectory() as profile:
        context = open_profile(driver, browser, Path(profile))
        urls = {name: f"{server.url}/page/{path.name}" for name, path in files.items()}
        first = {name: round(visit(context, url)) for name, url in urls.items()}
        turns = [{name: visit(context, url) for name, url in urls.items()} for _ in range(VISITS)]
        context.close()
    return {
        "bytes": {name: path.stat().st_size for name, path in files.items()},
        "first": first,
        "median": {name: round(statistics.median(turn[name] for turn in turns)) for name in files},
        "ratio": {name: round(statistics.median(turn[name] / turn["sources"] for turn in turns), 3) for name in files},
    }


def main(names: list[str]) -> None:
    """Measure the named browsers, or both."""
    results: dict[str, Any] = {"load average": os.getloadavg()[0]}
    with playwright() as driver, tempfile.TemporaryDirectory() as folder:
        for name in names or ["chromium", "firefox"]:
            results[name] = measure(driver, name, Path(folder))
    print(json.dumps(results, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
