"""Whatever the visitor clears under an open page, the page goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from modelden.host.serve.server import RunningServer
from tests.pyodide.browser_page import Page
from tests.pyodide.servers import KEPT, REVISION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request

    from tests.pyodide.runners import Runners
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}
DELETIONS = 30


_PAGE = """<script type="module">
import { loadPyodide } from "./pyodide.mjs";
Object.assign(globalThis, { loadPyodide, logs: [] });
</script>"""


async def _page(_: Request) -> Response:
    return Response(_PAGE, media_type="text/html")


async def _clear(_: Request) -> Response:
    return Response(headers={"Clear-Site-Data": '"storage"'})


class ClearingServer(RunningServer):
    """Pyodide, and a path whose answer clears the origin's data: as the visitor does, for all its pages."""

    def __init__(self, folder: Path) -> None:
        """Nothing is served yet."""
        files = Mount("/", StaticFiles(directory=folder))
        super().__init__(Starlette(routes=[Route("/module_test.html", _page), Route("/clear", _clear), files]))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.fixture
def clearable(runtime: str, runners: Runners, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of an origin whose data can be cleared."""
    with ClearingServer(request.config.getoption("--dist-dir")) as server:
        runner = runners.new(runtime, host="localhost", port=server.port)
        yield Page(runner)
        runner.quit()


def test_the_page_goes_on_when_all_data_are_cleared(clearable: Page, site: Site) -> None:
    page = clearable
    page.spy_on_workers()
    vectors = page.call("begin_engine", config=site.config, request=TINY)
    page.until(
        lambda: "tiny" in (page.runner.run_js("return localStorage.modelden || ''")), "the models are remembered"
    )
    page.runner.run_js("await fetch('/clear')")

    assert page.call("run_open_engine") == vectors
    page.visit(site.config, **TINY)
    page.visit(site.config, **TINY)
    page.call("end_engine")
    page.is_clean()


def test_the_end_of_a_worker_is_noticed_after_that(clearable: Page, site: Site) -> None:
    page = clearable
    page.spy_on_workers()
    page.visit(site.config, **TINY)
    page.runner.run_js("await fetch('/clear')")
    vectors = page.call("begin_engine", config=site.config, request=TINY)
    page.until(
        lambda: (
            page.runner.run_js("return (await navigator.locks.query()).pending.length > 0")
            or page.runner.run_js("return document.querySelectorAll('iframe').length > 0")
        ),
        "the page waits for the lock of the worker",
    )
    page.runner.run_js("usedWorkers.at(-1).terminate()")
    page.until(lambda: page.call("open_engine_status") == "crashed", "the end of the worker is noticed")

    assert page.call("run_open_engine") == vectors
    page.call("end_engine")


def test_what_is_gone_is_told_until_it_is_stored_again(page: Page, site: Site) -> None:
    page.runner.run_js("localStorage.clear()")
    page.visit(site.config, **TINY)
    page.until(lambda: page.runner.run_js("return localStorage.modelden || ''") != "", "the models are remembered")
    assert page.call("where_it_is_kept", config=site.config)["removed"] == []

    page.wipe("modelFiles")
    assert page.call("where_it_is_kept", config=site.config)["removed"] == [[KEPT, REVISION]]
    page.visit(site.config, **TINY)
    assert page.call("where_it_is_kept", config=site.config)["removed"] == []

    page.call("delete", model=KEPT, revision=REVISION)
    assert page.call("where_it_is_kept", config=site.config)["removed"] == []


def test_engines_are_made_while_databases_are_deleted(page: Page, site: Site) -> None:
    outcome = page.call("churn", config=site.config, request=TINY, times=DELETIONS)

    assert outcome == {"shapes": [[2, 4]] * 3, "deletions": {"success": DELETIONS}}
    page.visit(site.config, **TINY)
    site.requests()
    page.visit(site.config, **TINY)
    assert site.requests() == []
    page.is_clean()
