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
- One page and one worker a browser serve all tests, because Pyodide takes seconds to start:
  IndexedDB and `sys.modules` live on from test to test. `page` below deletes all databases; or take
  `selenium_standalone`, a page of its own.
- The origin is http://127.0.0.1:PORT (a secure context) and serves build/pyodide; `packages` are
  names in its lock file. The browser's context is off the record: IndexedDB works, and is gone
  when all tests are over.
- Without the decorator a test stays on the host and drives the page: `selenium.run_js("return
  await …")`, `selenium.run_async("Python source")`, `selenium.load_package("modelden")`;
  `selenium.driver` is Playwright's page.
- Run one: ./build.sh test pyodide -k fact --rt chrome

With modelden and a server, most tests stay on the host and need no decorator:

    def test_a_fact(page: Page, site: Site) -> None:
        site.fault(Fault(path="/hub/*", close=True))
        error = page.failed_visit(site.config, feature_id="tiny")
        assert error.name == "NetworkError"
        page.is_clean()

- `page` is the main thread, `everywhere` that and a module worker; databases are empty at first.
- In `worker` and `everywhere`, start few workers. Firefox can hang for good in `new Worker` of a worker, but only while
  WebDriver (or its debugger) listens, and on a busy machine: `WorkerPrivate::SetIsDebuggerRegistered` wakes one of the
  two threads that wait on one condition, and it may be the wrong one. All later tests there would hang too.
- `site` serves a tree with a tiny model, for this test alone; `demo_site` the demo's, with the real one.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright
from pytest_pyodide.runner import (
    PlaywrightChromeRunner,
    PlaywrightFirefoxRunner,
    _BrowserWorkerRunnerMixin,
)

from tests.pyodide.browser_page import Page
from tests.pyodide.servers import ROOT, Site, write_tiny_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Playwright
    from pytest_pyodide.runner import _BrowserBaseRunner


INSECURE_HOST = "insecure.test"
"""Another name of this machine: unlike localhost it makes no secure context over http."""

FIREFOX_QUOTA = {"dom.quotaManager.temporaryStorage.fixedLimit": 1024 * 1024}
"""In KiB for all sites together. Each gets a fifth, which a test can fill; by default it depends on the disk."""


def on_path(*names: str) -> str:
    """The first of these programs that is on the PATH."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.exit(f"none of {', '.join(names)} is on the PATH: run ./build.sh setup", returncode=1)


def launch(playwright: Playwright, runtime: str) -> Browser:
    """Start the system's browser for one of pytest-pyodide's runtimes."""
    if runtime == "chrome":
        # As root, which CI and containers are, Chromium's sandbox cannot start.
        return playwright.chromium.launch(
            executable_path=on_path("chromium", "chromium-browser", "google-chrome"),
            args=["--no-sandbox", f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1"],
        )
    # Mozilla's own build over WebDriver BiDi, not the patched one that Playwright would download.
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=on_path("firefox-esr", "firefox"),
        firefox_user_prefs={"network.dns.localDomains": INSECURE_HOST, **FIREFOX_QUOTA},
    )


@pytest.fixture(scope="session")
def playwright_browsers() -> Iterator[dict[str, Browser]]:
    """Replaces pytest-pyodide's fixture, which knows only Playwright's own browsers."""
    runtimes: set[str] = pytest.pyodide_runtimes  # type: ignore[attr-defined]
    with sync_playwright() as playwright, ExitStack() as closing:
        yield {runtime: closing.enter_context(launch(playwright, runtime)) for runtime in sorted(runtimes)}


class ChromeWorkerRunner(_BrowserWorkerRunnerMixin, PlaywrightChromeRunner):
    """Runs everything in a module worker; pytest-pyodide has this for Selenium only."""


class FirefoxWorkerRunner(_BrowserWorkerRunnerMixin, PlaywrightFirefoxRunner):
    """The same for Firefox."""


RUNNERS: dict[tuple[str, str], type[_BrowserBaseRunner]] = {
    ("chrome", "page"): PlaywrightChromeRunner,
    ("chrome", "worker"): ChromeWorkerRunner,
    ("firefox", "page"): PlaywrightFirefoxRunner,
    ("firefox", "worker"): FirefoxWorkerRunner,
}


class Runners:
    """Pages with Pyodide, each started when a test first wants it."""

    def __init__(self, browsers: dict[str, Browser], server: tuple[str, int, Path], dist_dir: Path) -> None:
        self._browsers = browsers
        self._server = server
        self._dist_dir = dist_dir
        self._started: dict[tuple[str, str], _BrowserBaseRunner] = {}

    def get(self, runtime: str, place: str) -> _BrowserBaseRunner:
        """The one page, or the one worker, of a browser."""
        key = (runtime, place)
        if key not in self._started:
            self._started[key] = self.new(runtime, place)
        return self._started[key]

    def new(self, runtime: str, place: str = "page", host: str | None = None) -> _BrowserBaseRunner:
        """Another one, under another host name if wanted; whoever asks calls `quit`."""
        default_host, port, log = self._server
        return RUNNERS[runtime, place](
            browsers=self._browsers,
            server_hostname=host or default_host,
            server_port=port,
            server_log=log,
            dist_dir=self._dist_dir,
        )

    def quit(self) -> None:
        """Close all that `get` has started."""
        for runner in self._started.values():
            runner.quit()


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


@pytest.fixture(scope="module")
def selenium_module_scope(runtime: str, runners: Runners) -> _BrowserBaseRunner:
    """Replaces the fixture behind `selenium`, which starts a page for each file."""
    return runners.get(runtime, "page")


@pytest.fixture(scope="module")
def selenium_worker_module_scope(runtime: str, runners: Runners) -> _BrowserBaseRunner:
    """Replaces the fixture behind `selenium_worker`, which knows only Selenium's browsers."""
    return runners.get(runtime, "worker")


@pytest.fixture(params=["selenium", "selenium_worker"], ids=["page", "worker"])
def selenium_everywhere(
    request: pytest.FixtureRequest,
    runtime: str,  # named here because pytest must know before it runs that there is one test a browser
) -> _BrowserBaseRunner:
    """The page's main thread, then a module worker: Python in a page may live in either."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def page(selenium: _BrowserBaseRunner) -> Page:
    """The main thread of a page, with modelden, nothing stored."""
    return _fresh(selenium)


@pytest.fixture
def worker(selenium_worker: _BrowserBaseRunner) -> Page:
    """A module worker, with modelden, nothing stored."""
    return _fresh(selenium_worker)


@pytest.fixture
def everywhere(selenium_everywhere: _BrowserBaseRunner) -> Page:
    """`page`, then `worker`."""
    return _fresh(selenium_everywhere)


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


def _fresh(runner: _BrowserBaseRunner) -> Page:
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


@pytest.fixture(scope="session")
def _demo_site() -> Iterator[Site]:
    with Site(ROOT / "build/tree") as served:
        yield served


@pytest.fixture
def demo_site(_demo_site: Site) -> Site:
    """The server of the demo's tree, with the real model; its requests are those of this test."""
    _demo_site.reset()
    return _demo_site
