"""Ring 2: the built wheel on Pyodide, in the system's Chromium and Firefox. How to write a test:

    from pytest_pyodide import run_in_pyodide

    @run_in_pyodide(packages=["modelden"])
    async def test_a_fact(selenium: object) -> None:
        import modelden                       # the body runs in the page; import inside it
        assert await modelden.ModelHub().list_models() == []

- The body is sent to the page as source: it sees its parameters and what it imports, no name of
  the module around it. Parameters, result and exceptions are pickled: plain data only.
- The first parameter is where it runs; the body gets None for it. Each test runs once a browser.
  `selenium`: the main thread of a page. `selenium_worker`: a module worker.
  `selenium_everywhere`: once in each.
- One page and one worker a process serve all tests, because Pyodide takes seconds to start:
  IndexedDB and `sys.modules` live on from test to test. `page` below deletes all databases; or take
  `selenium_standalone`, a page of its own.
- The origin is http://127.0.0.1:PORT (a secure context) and serves build/pyodide; `packages` are
  names in its lock file. The browser's context is off the record: IndexedDB works, and is gone
  when all tests are over.
- Without the decorator a test stays on the host and drives the page: `selenium.run_js("return
  await …")`, `selenium.run_async("Python source")`, `selenium.load_package("modelden")`;
  `selenium.driver` is Playwright's page.
- Warnings and errors in the console fail a test, unless `@pytest.mark.console("pattern")` names them.
- Run one: ./build.sh test pyodide -k fact --rt chrome

With modelden and a server, most tests stay on the host and need no decorator:

    def test_a_fact(page: Page, site: Site) -> None:
        site.fault(Fault(path="/hub/*", close=True))
        error = page.failed_visit(site.config, feature_id="tiny")
        assert error.name == "NetworkError"
        page.is_clean()

- `page` is the main thread, `everywhere` that and a module worker; databases are empty at first.
- In `worker` and `everywhere`, start few workers: `runners.FirefoxBlockedWorker` says why.
- `site` serves a tree with a tiny model, for this test alone; `demo_site` the demo's, with the real one.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright
from pytest_pyodide.server import DefaultHandler

from tests.pyodide.browser_page import Page
from tests.pyodide.console import never, unexpected
from tests.pyodide.engines_page import Engines
from tests.pyodide.runners import Browsers, Runner, Runners
from tests.pyodide.servers import ROOT, Site, write_tiny_tree
from tests.pyodide.spread import BrowserScheduling, group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from xdist.remote import Producer


KILLS = 4
"""How often test_tabs kills a worker; ``--kills 50`` for the whole proof, which takes minutes."""

SOAK_STEPS = 25
"""How many things test_soak does at random; ``--soak 2000`` for hours of simulated use."""


LONG_MODULES = {
    "test_downloads",
    "test_gpu",
    "test_lifetimes",
    "test_reference",
    "test_refused",
    "test_tabs",
    "test_tasks",
    "test_updates",
}
"""They begin first, so that at the end no process waits long for another one."""


UNREAD = {
    "test_refused",
    "test_runtimes",
    "test_tasks",
    "test_updates",
    "test_kinto",
    "test_kinto_push",
}
"""Modules whose messages in the console nobody has read yet. In these only `NEVER` fails a test."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "console(*patterns): expected warnings and errors in the browser's console")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--kills`` and ``--soak``."""
    parser.addoption("--kills", type=int, default=KILLS, help="how often test_tabs kills a worker")
    parser.addoption("--soak", type=int, default=SOAK_STEPS, help="how many steps test_soak takes")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser's tests of one module run in one process, one after the other."""
    # pytest-pyodide keeps the runtimes in a set, but all processes must find the tests in one order.
    items.sort(key=lambda item: (_runtime(item), item.path.stem not in LONG_MODULES))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(_runtime(item), item.path.stem)))


@pytest.hookimpl(optionalhook=True)  # xdist may be off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BrowserScheduling:
    """Replaces xdist's own scheduler for groups."""
    return BrowserScheduling(config, log)


def _runtime(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return call.params.get("runtime", "") if call else ""


@pytest.fixture(scope="session")
def playwright_browsers() -> Iterator[dict[str, Browser]]:
    """Replaces pytest-pyodide's fixture, which knows only Playwright's own browsers."""
    with sync_playwright() as playwright, ExitStack() as closing:
        yield Browsers(playwright, closing)


class QuietHandler(DefaultHandler):
    """Serves pytest-pyodide's pages and the distribution, without a log."""

    def log_message(self, *_: Any) -> None:
        """Write nothing: the lines would be the output of whatever test runs."""


@pytest.fixture(scope="session")
def web_server_main(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int, Path]]:
    """Replaces pytest-pyodide's fixture, which forks a process.

    That one keeps pytest-xdist's pipe open when a time limit ends this process, and the ring would wait for ever.
    """
    handler = partial(QuietHandler, directory=request.config.getoption("--dist-dir"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield "127.0.0.1", server.server_port, tmp_path_factory.mktemp("server") / "log"
        server.shutdown()


@pytest.fixture(scope="session")
def runners(
    request: pytest.FixtureRequest,
    web_server_main: tuple[str, int, Path],
    playwright_browsers: dict[str, Browser],
) -> Iterator[Runners]:
    """All pages of the session."""
    started = Runners(playwright_browsers, web_server_main, request.config.getoption("--dist-dir"))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture
def selenium(runtime: str, runners: Runners, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Replaces pytest-pyodide's, which starts a page for each file."""
    with _logged(runners.get(runtime, "page"), request) as runner:
        yield runner


@pytest.fixture
def selenium_worker(runtime: str, runners: Runners, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Replaces pytest-pyodide's, which knows only Selenium's browsers."""
    with _logged(runners.get(runtime, "worker"), request) as runner:
        yield runner


@contextmanager
def _logged(runner: Runner, request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Add the log of the page to the test's report, and fail on warnings and errors in it that it does not expect."""
    if request.path.stem not in UNREAD:
        runner.run("import gc; gc.collect()")  # what asyncio says of the objects of earlier tests is not this one's
    runner.clean_logs()
    runner.console.take()
    yield runner
    if runner.silent:
        return
    logs = runner.logs
    sys.stdout.write(logs)
    messages = runner.console.take(logs)
    expected = [pattern for mark in request.node.iter_markers("console") for pattern in mark.args]
    found = never(messages) if request.path.stem in UNREAD else unexpected(messages, expected)
    assert found == [], "the console has what the test does not expect"


@pytest.fixture(params=["selenium", "selenium_worker"], ids=["page", "worker"])
def selenium_everywhere(
    request: pytest.FixtureRequest,
    runtime: str,  # named here because pytest must know before it runs that there is one test a browser
) -> Runner:
    """The page's main thread, then a module worker: Python in a page may live in either."""
    runner: Runner = request.getfixturevalue(request.param)
    return runner


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """The number of kills."""
    return int(request.config.getoption("--kills"))


@pytest.fixture
def page(selenium: Runner) -> Page:
    """The main thread of a page, with modelden, nothing stored."""
    return _fresh(selenium)


@pytest.fixture
def worker(selenium_worker: Runner) -> Page:
    """A module worker, with modelden, nothing stored."""
    return _fresh(selenium_worker)


@pytest.fixture
def everywhere(selenium_everywhere: Runner) -> Page:
    """`page`, then `worker`."""
    return _fresh(selenium_everywhere)


@pytest.fixture
def hasty_page(page: Page) -> Iterator[Page]:
    """`page`, hasty in writing files anew."""
    with page.hasty():
        yield page


@pytest.fixture
def engines(page: Page) -> Iterator[Engines]:
    """Those of the page's main thread."""
    made = Engines(page)
    yield made
    made.call("close_all")
    page.until(lambda: page.workers() == 0, "no worker is left")


@pytest.fixture
def task_page(page: Page) -> Page:
    """`page`, with `in_page_tasks` beside `in_page`."""
    page.spy_on_workers()
    page.add_module("in_page_tasks.py", (ROOT / "tests/pyodide/in_page_tasks.py").read_text("utf-8"))
    return page


@pytest.fixture
def input_page(task_page: Page) -> Page:
    """`task_page`, with `in_page_inputs` beside the others."""
    task_page.add_module("in_page_inputs.py", (ROOT / "tests/pyodide/in_page_inputs.py").read_text("utf-8"))
    return task_page


def _fresh(runner: Runner) -> Page:
    page = Page(runner)
    page.wipe()
    return page


@pytest.fixture(scope="session")
def tiny_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `site` serves; tests do not change it."""
    return write_tiny_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def site(tiny_tree: Path) -> Iterator[Site]:
    """A server of the test's own, with the tiny model."""
    with Site(tiny_tree) as served:
        yield served


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A server whose tree the test changes."""
    with Site(write_tiny_tree(tmp_path)) as site:
        yield site


@pytest.fixture(scope="session")
def _demo_site() -> Iterator[Site]:
    with Site(ROOT / "build/tree") as served:
        yield served


@pytest.fixture
def demo_site(_demo_site: Site) -> Site:
    """The server of the demo's tree, with the real model; its requests are those of this test."""
    _demo_site.reset()
    return _demo_site
