"""Objects left over after many runs, creations and cancellations, and the growth of memory from load to load.

    python bench/lifetimes.py chrome firefox

Counts what Python and JavaScript hold of each other, and workers, before and after. Memory is that of all processes of
the browser, after each of eleven rounds of loading and closing the real model. Takes some minutes. Prints JSON on
stdout.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from pages import ROOT, page_with_pyodide, report  # also makes tests/ known

from modelden.host.browser.browsers import resident_memory
from tests.pyodide.browser_page import Page
from tests.pyodide.servers import LARGE_MODEL, REVISION, TASK, WEIGHTS, Site, write_tiny_tree
from tests.pyodide.test_tasks import engine_request

ROUNDS = 11
TINY = {"feature_id": "tiny"}
LARGE = {"task_name": TASK, "model_id": LARGE_MODEL, "model_revision": REVISION}


def held(page: Page) -> dict[str, int]:
    """Count live objects, after workers had time to end."""
    # Firefox takes most of a second to end a worker that compiles.
    page.until(lambda: page.workers() == 0, "no worker is left", seconds=180)
    return {"proxies": page.proxies(), "JavaScript objects": page.js_objects(), "workers": page.workers()}


def leftovers(page: Page, site: Site) -> dict[str, Any]:
    """Count before and after each kind of work."""
    page.trace_proxies()
    page.visit(site.config, **TINY)
    results: dict[str, Any] = {"before": held(page)}
    written = page.call("run_often", config=site.config, request=engine_request("text-generation"), times=1000)
    results[f"1000 runs with a callback, called {written} times"] = held(page)
    for _ in range(10):  # in parts, because a page has to respond in time
        page.call("create_often", config=site.config, request=TINY, times=10)
    results["100 creates and closes"] = held(page)
    site.stall.path = f"/hub/{LARGE_MODEL}/*/{WEIGHTS}"
    ways = [page.call("cancel_often", config=site.config, request=LARGE, at=WEIGHTS, times=10) for _ in range(10)]
    results[f"100 creations, all {', '.join({way for each in ways for way in each})}"] = held(page)
    return results


def memory(page: Page, site: Site) -> dict[str, Any]:
    """Measure megabytes after each round, two seconds after the end of the worker."""
    rounds = []
    for _ in range(ROUNDS):
        page.visit(site.config, ["a cat"], feature_id="simple-text-embedder")
        held(page)
        page.tab.wait_for_timeout(2000)
        rounds.append(round((resident_memory() or 0) / 1e6))
    return {"MB after each": rounds, "tenth more to first": round(rounds[-1] / rounds[0], 3)}


def measure(name: str) -> dict[str, Any]:
    """Measure all figures of one browser."""
    results: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        page_with_pyodide(name) as runner,
        Site(write_tiny_tree(Path(folder))) as site,
    ):
        results["held"] = leftovers(Page(runner), site)
    with page_with_pyodide(name) as runner, Site(ROOT / "build/tree") as site:
        results["memory"] = memory(Page(runner), site)
    return results


if __name__ == "__main__":
    report(measure, sys.argv[1:])
