"""What is left over after many runs, creations and cancellations, and whether memory grows from load to load.

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
    """What is alive, when workers had time to go."""
    # Firefox takes most of a second for each worker that it ends while that compiles.
    page.until(lambda: page.workers() == 0, "no worker is left", seconds=180)
    return {"proxies": page.proxies(), "JavaScript objects": page.js_objects(), "workers": page.workers()}


def leftovers(page: Page, site: Site) -> dict[str, Any]:
    """Before and after each kind of work."""
    page.trace_proxies()
    page.visit(site.config, **TINY)
    found: dict[str, Any] = {"before": held(page)}
    written = page.call("run_often", config=site.config, request=engine_request("text-generation"), times=1000)
    found[f"1000 runs with a callback, called {written} times"] = held(page)
    for _ in range(10):  # in pieces: a page has to answer within a time
        page.call("create_often", config=site.config, request=TINY, times=10)
    found["100 creates and closes"] = held(page)
    site.stall.path = f"/hub/{LARGE_MODEL}/*/{WEIGHTS}"
    ways = [page.call("cancel_often", config=site.config, request=LARGE, at=WEIGHTS, times=10) for _ in range(10)]
    found[f"100 creations, all {', '.join({way for each in ways for way in each})}"] = held(page)
    return found


def memory(page: Page, site: Site) -> dict[str, Any]:
    """Megabytes after each round, when the browser had two seconds to take the worker's back."""
    rounds = []
    for _ in range(ROUNDS):
        page.visit(site.config, ["a cat"], feature_id="simple-text-embedder")
        held(page)
        page.tab.wait_for_timeout(2000)
        rounds.append(round((resident_memory() or 0) / 1e6))
    return {"MB after each": rounds, "tenth more to first": round(rounds[-1] / rounds[0], 3)}


def measure(name: str) -> dict[str, Any]:
    """All figures of one browser."""
    found: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        page_with_pyodide(name) as runner,
        Site(write_tiny_tree(Path(folder))) as site,
    ):
        found["held"] = leftovers(Page(runner), site)
    with page_with_pyodide(name) as runner, Site(ROOT / "build/tree") as site:
        found["memory"] = memory(Page(runner), site)
    return found


if __name__ == "__main__":
    report(measure, sys.argv[1:])
