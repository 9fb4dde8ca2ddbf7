"""The browsers and the pages with Pyodide that tests share, and a limit for their answers."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright
from pytest_pyodide.runner import PlaywrightChromeRunner, PlaywrightFirefoxRunner, _BrowserWorkerRunnerMixin
from pytest_pyodide.server import spawn_web_server

from tests.pyodide.console import LOGGING, MARKED, Console
from tests.pyodide.firefox_workers import ARGUMENTS, PREFERENCES, wake_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import ExitStack

    from playwright.sync_api import Browser, Playwright
    from playwright.sync_api import Page as Tab

DISTRIBUTION = Path(__file__).parents[2] / "build/pyodide"
"""Pyodide, as `./build.sh build` lays it out."""

INSECURE_HOST = "insecure.test"
"""Another name of this machine: unlike localhost it makes no secure context over http."""

FIREFOX_QUOTA = {"dom.quotaManager.temporaryStorage.fixedLimit": 1024 * 1024}
"""In KiB for all sites together. Each gets a fifth, which a test can fill; by default it depends on the disk."""

CHROME_WITH_GPU = "chrome with a GPU"
"""A Chromium where WebGPU has an adapter, on every machine: SwiftShader, which computes on the CPU."""

CHROMIUM_FLAGS = ["--no-sandbox", f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1"]
"""As root, which CI and containers are, Chromium's sandbox cannot start."""

GPU_FLAGS = ["--enable-unsafe-webgpu", "--disable-domain-blocking-for-3d-apis", "--disable-gpu-process-crash-limit"]
"""The last two: tests crash the GPU process, after which Chromium would give the page's origin no adapter any more."""

ANSWER_SECONDS = 300
"""A page has this long for one call: more than a slow machine needs, less than the rings' limit for a whole test."""

WAKE_SECONDS = 10
"""A worker of Firefox that has not answered for this long may be blocked, and is woken."""

CRASHED = "crashed"
"""In Playwright's message about a page that its browser ended."""

CLOSE_SECONDS = 60
"""A tab that does not answer has this long to close."""


class NoAnswer(AssertionError):
    """A page did not answer."""


class ChromiumCrashed(NoAnswer):
    """Chromium ended a page ("Target crashed"), which no test can help.

    Seen five times in some fifty rings with Chromium 156, each time in the same function: its garbage collector reads a
    JSPI stack, on which Pyodide runs all Python, beyond its end (pyodide/pyodide#6106 and #5702 are about that).
    """


class FirefoxBlockedWorker(NoAnswer):
    """A module worker of Firefox did not answer, which no test can help.

    While WebDriver listens, Firefox 153 can block for good when a worker starts a worker (`firefox_workers`). Only
    automation meets this, and waking the workers did not help.
    """


def on_path(*names: str) -> str:
    """The first of these programs that is on the PATH."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.exit(f"none of {', '.join(names)} is on the PATH: run ./build.sh setup", returncode=1)


def chromium() -> str:
    """The system's Chromium."""
    return on_path("chromium", "chromium-browser", "google-chrome")


def launch(playwright: Playwright, runtime: str, preferences: Mapping[str, Any] | None = None) -> Browser:
    """Start the system's browser for one of pytest-pyodide's runtimes, or Chromium with a GPU.

    Args:
        playwright: Starts browsers.
        runtime: The runtime.
        preferences: Preferences of Firefox, beside those of all tests.
    """
    if runtime in ("chrome", CHROME_WITH_GPU):
        flags = GPU_FLAGS if runtime == CHROME_WITH_GPU else []
        return playwright.chromium.launch(executable_path=chromium(), args=[*CHROMIUM_FLAGS, *flags])
    # Mozilla's own build over WebDriver BiDi, not the patched one that Playwright would download.
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=on_path("firefox-esr", "firefox"),
        args=ARGUMENTS,
        firefox_user_prefs={
            "network.dns.localDomains": INSECURE_HOST,
            **FIREFOX_QUOTA,
            **PREFERENCES,
            **(preferences or {}),
        },
    )


class Browsers(dict[str, "Browser"]):
    """By runtime, each started when a test first wants it: with pytest-xdist a process has the tests of one."""

    def __init__(self, playwright: Playwright, closing: ExitStack) -> None:
        super().__init__()
        self.playwright = playwright
        self._closing = closing

    def __missing__(self, runtime: str) -> Browser:
        browser = self[runtime] = self._closing.enter_context(launch(self.playwright, runtime))
        return browser


class _Limited:
    """Mixed into a runner: a call without an answer fails its test, and those after it get another page.

    pytest-timeout cannot do this: its exception ends Playwright's event loop, and every later call waits for ever.
    """

    driver: Tab
    console: Console
    script_timeout = ANSWER_SECONDS
    silent = False
    no_answer: type[NoAnswer] = NoAnswer

    def get_driver(self, jspi: bool = False) -> Tab:  # noqa: FBT001, FBT002 - pytest-pyodide's signature
        tab: Tab = super().get_driver(jspi)  # type: ignore[misc]
        tab.evaluate = self._evaluate  # type: ignore[method-assign]
        self.console = Console()
        self.console.watch(tab.context)
        return tab

    def javascript_setup(self) -> None:
        super().javascript_setup()  # type: ignore[misc]
        self.run_js(MARKED, pyodide_checks=False)  # type: ignore[attr-defined]

    def initialize_pyodide(self) -> None:
        super().initialize_pyodide()  # type: ignore[misc]
        self.run(LOGGING)  # type: ignore[attr-defined]

    def _evaluate(self, expression: str, arg: Any = None) -> Any:
        if self.silent:
            raise self.no_answer("the page did not answer an earlier call")
        tab = self.driver
        try:
            return tab._sync(asyncio.wait_for(self._answer(expression, arg), ANSWER_SECONDS))
        except TimeoutError:
            self.silent = True
            raise self.no_answer(f"no answer within {ANSWER_SECONDS} s to: {expression[:2000]}") from None
        except PlaywrightError as error:
            if CRASHED not in error.message:
                raise
            self.silent = True
            raise ChromiumCrashed(error.message) from None

    async def _answer(self, expression: str, arg: Any) -> Any:
        return await self.driver._impl_obj.evaluate(expression, arg)

    def quit(self) -> None:
        with suppress(TimeoutError):
            self.driver._sync(asyncio.wait_for(self.driver._impl_obj.close(), CLOSE_SECONDS))


class ChromeRunner(_Limited, PlaywrightChromeRunner):
    """The main thread of a page in Chromium."""


class FirefoxRunner(_Limited, PlaywrightFirefoxRunner):
    """The same in Firefox."""


class ChromeWorkerRunner(_BrowserWorkerRunnerMixin, ChromeRunner):
    """Runs everything in a module worker; pytest-pyodide has this for Selenium only."""


class FirefoxWorkerRunner(_BrowserWorkerRunnerMixin, FirefoxRunner):
    """The same for Firefox."""

    no_answer = FirefoxBlockedWorker

    async def _answer(self, expression: str, arg: Any) -> Any:
        answer = asyncio.ensure_future(super()._answer(expression, arg))
        try:
            while not (await asyncio.wait({answer}, timeout=WAKE_SECONDS))[0]:
                await asyncio.to_thread(wake_workers)
        finally:
            answer.cancel()
        return answer.result()


type Runner = ChromeRunner | FirefoxRunner

RUNNERS: dict[tuple[str, str], type[Runner]] = {
    ("chrome", "page"): ChromeRunner,
    ("chrome", "worker"): ChromeWorkerRunner,
    ("firefox", "page"): FirefoxRunner,
    ("firefox", "worker"): FirefoxWorkerRunner,
}


class Runners:
    """Pages with Pyodide, each started when a test first wants it."""

    def __init__(self, browsers: dict[str, Browser], server: tuple[str, int, Path], dist_dir: Path) -> None:
        self._browsers = browsers
        self._server = server
        self._dist_dir = dist_dir
        self._started: dict[tuple[str, str], Runner] = {}

    def get(self, runtime: str, place: str) -> Runner:
        """The one page, or the one worker, of a browser; another one if it did not answer."""
        key = (runtime, place)
        if key in self._started and self._started[key].silent:
            self._started.pop(key).quit()
        if key not in self._started:
            self._started[key] = self.new(runtime, place)
        return self._started[key]

    def new(self, runtime: str, place: str = "page", host: str | None = None, port: int | None = None) -> Runner:
        """Another one, of another host name or server if wanted; whoever asks calls `quit`."""
        default_host, default_port, log = self._server
        return RUNNERS[runtime, place](
            browsers=self._browsers,
            server_hostname=host or default_host,
            server_port=port or default_port,
            server_log=log,
            dist_dir=self._dist_dir,
        )

    def quit(self) -> None:
        """Close all that `get` has started."""
        for runner in self._started.values():
            runner.quit()


@contextmanager
def page_with_pyodide(runtime: str) -> Iterator[Runner]:
    """Open a page in a new browser, apart from the session's own."""
    with sync_playwright() as playwright, spawn_web_server(DISTRIBUTION) as (host, port, log):
        browser = launch(playwright, runtime)
        runner = RUNNERS[runtime, "page"](
            browsers={runtime: browser},
            server_hostname=host,
            server_port=port,
            server_log=log,
            dist_dir=DISTRIBUTION,
        )
        try:
            yield runner
        finally:
            runner.quit()
            browser.close()
