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
- One page (and one worker) serves all tests of a file: IndexedDB and `sys.modules` live on from
  test to test. Give a test database names of its own, or take `selenium_standalone`: a page of its
  own, for three seconds.
- The origin is http://127.0.0.1:PORT (a secure context) and serves build/pyodide; `packages` are
  names in its lock file. The browser's context is off the record: IndexedDB works, and is gone
  when the file's tests are over.
- Without the decorator a test stays on the host and drives the page: `selenium.run_js("return
  await …")`, `selenium.run_async("Python source")`, `selenium.load_package("modelden")`;
  `selenium.driver` is Playwright's page.
- Run one: ./build.sh test pyodide -k fact --rt chrome
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

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Playwright
    from pytest_pyodide.runner import _BrowserBaseRunner


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
            args=["--no-sandbox"],
        )
    # Mozilla's own build over WebDriver BiDi, not the patched one that Playwright would download.
    return playwright.firefox.launch(channel="moz-firefox", executable_path=on_path("firefox-esr", "firefox"))


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


WORKER_RUNNERS: dict[str, type[_BrowserWorkerRunnerMixin]] = {
    "chrome": ChromeWorkerRunner,
    "firefox": FirefoxWorkerRunner,
}


@pytest.fixture(scope="module")
def selenium_worker_module_scope(
    request: pytest.FixtureRequest,
    runtime: str,
    web_server_main: tuple[str, int, Path],
    playwright_browsers: dict[str, Browser],
) -> Iterator[_BrowserBaseRunner]:
    """Replaces the fixture behind `selenium_worker`: one worker for all tests of a file."""
    host, port, log = web_server_main
    runner = WORKER_RUNNERS[runtime](
        browsers=playwright_browsers,
        server_hostname=host,
        server_port=port,
        server_log=log,
        dist_dir=request.config.getoption("--dist-dir"),
    )
    try:
        yield runner
    finally:
        runner.quit()


@pytest.fixture(params=["selenium", "selenium_worker"], ids=["page", "worker"])
def selenium_everywhere(
    request: pytest.FixtureRequest,
    runtime: str,  # named here because pytest must know before it runs that there is one test a browser
) -> _BrowserBaseRunner:
    """The page's main thread, then a module worker: Python in a page may live in either."""
    return request.getfixturevalue(request.param)
