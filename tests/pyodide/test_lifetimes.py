"""Nothing is left over: no proxies, no workers, no bytes of models in Python's memory.

`bench/lifetimes.py` does the same a hundred times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pyodide.servers import LARGE_MODEL, MODEL, REVISION, TASK, WEIGHTS
from tests.pyodide.test_tasks import engine_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}
LARGE = {"task_name": TASK, "model_id": LARGE_MODEL, "model_revision": REVISION}


def run_often(page: Page, site: Site, times: int) -> None:
    request = engine_request("text-generation")
    assert page.call("run_often", config=site.config, request=request, times=60 * times) == 120 * times


def create_often(page: Page, site: Site, times: int) -> None:
    page.call("create_often", config=site.config, request=TINY, times=times)


def fail_often(page: Page, site: Site, times: int) -> None:
    for _ in range(times):
        page.failed_visit(site.config, task_name=TASK, model_id="test/absent", model_revision=REVISION)


def cancel_often(page: Page, site: Site, times: int) -> None:
    site.stall.path = f"/hub/{LARGE_MODEL}/*/{WEIGHTS}"
    assert page.call("cancel_often", config=site.config, request=LARGE, at=WEIGHTS, times=times) == ["cancelled"]


@pytest.mark.parametrize("work", [run_often, create_often, fail_often, cancel_often])
def test_as_many_proxies_and_workers_as_before(page: Page, site: Site, work: Callable[[Page, Site, int], None]) -> None:
    page.trace_proxies()
    page.visit(site.config, **TINY)
    work(page, site, 1)  # modules that it is the first to import hold objects of JavaScript
    before = page.proxies(), page.js_objects()

    work(page, site, 5)

    page.until(lambda: page.proxies() <= before[0], f"JavaScript holds {before[0]} of Python's objects again")
    page.until(lambda: page.js_objects() <= before[1], f"Python holds {before[1]} of JavaScript's objects again")
    page.until(lambda: page.workers() == 0, "no worker is left")


def test_a_model_does_not_pass_through_pythons_memory(page: Page, site: Site, demo_site: Site) -> None:
    # What is needed for any model is in memory after the first one.
    page.visit(site.config, **TINY)
    page.call("delete", model=f"localhost/{MODEL}", revision=REVISION)
    before = page.heap()

    page.visit(demo_site.config, ["a cat"], feature_id="simple-text-embedder")

    (model,) = page.call("models")
    assert model["size"] > 22_000_000
    assert page.heap() - before < 0.05 * model["size"]
