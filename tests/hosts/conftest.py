"""Ring hosts: the starts of `docs/hosts.md`, in the hosts as PyPI and npm have them, in real browsers.

    def test_a_fact(chromium: Visitor, hosts: Hosts) -> None:
        chromium.open("/start/pyodide/page.html")
        chromium.wait_for_result("Tensor")
        assert hosts.requests() != []

`hosts` serves the sites of ``build/hosts`` beside a tree with a tiny model, on one origin. `chromium` and `firefox` are
visitors without anything stored: each has a context of its own, so a browser serves all tests.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import sync_playwright

from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.hosts.start_pages import StartPages
from tests.pyodide.firefox_workers import wake_workers
from tests.pyodide.runners import Browsers
from tests.pyodide.servers import ROOT, write_tiny_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

SITES = ROOT / "build/hosts"
SCREENSHOTS = ROOT / "build/screenshots"

SERVED = ("/v1/", "/attachments/", "/chains/", "/hub/")
"""Paths of settings, runtime and models."""

SECONDS = 120
"""A host has this long for its first result: more than a slow machine needs."""

QUIET = ("log: ", "info: ", "debug: ")
"""Levels of the console's messages that complain of nothing."""

WAKE_SECONDS = 10
"""After this long without a result a worker of Firefox may be blocked, and is woken."""


@dataclass
class Hosts:
    """The served sites."""

    app: Application
    server: RunningServer

    def requests(self) -> list[str]:
        """Method and path of the requests for settings, runtime and models since the last call."""
        entries = self.app.log.entries()
        self.app.log.clear()
        return [
            f"{entry.method} {path}" for entry in entries if (path := entry.path.partition("?")[0]).startswith(SERVED)
        ]


@dataclass
class Visitor:
    """A tab of a browser in which nothing is stored."""

    tab: Page
    origin: str
    is_firefox: bool
    console: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab.set_default_timeout(1000 * SECONDS)
        self.tab.context.on("console", self._hear)
        self.tab.on("pageerror", lambda error: self.console.append(str(error)))

    def open(self, path: str) -> None:
        """Visit a page."""
        self.tab.goto(self.origin + path, wait_until="domcontentloaded")

    @property
    def complaints(self) -> list[str]:
        """Warnings, errors and tracebacks of the console."""
        return [line for line in self.console if not line.startswith(QUIET) or "Traceback" in line]

    def run_cells(self, cells: int) -> None:
        """Run so many cells of a Jupyter notebook, from the first one."""
        if cells:
            self.tab.locator(".jp-Notebook .jp-Cell .jp-InputArea-editor").first.click()
        for _ in range(cells):
            self.tab.keyboard.press("Shift+Enter")

    def wait_for(self, text: str, within: str = "#result", element: int = -1) -> Locator:
        """Wait for a text in the last of the elements that match a selector."""
        locator = self.tab.locator(within, has_text=text).nth(element)
        for attempt in range(SECONDS // WAKE_SECONDS):
            try:
                locator.wait_for(timeout=1000 * WAKE_SECONDS)
            except PlaywrightTimeout:
                if self.is_firefox:
                    wake_workers()
                if attempt == SECONDS // WAKE_SECONDS - 1:
                    self.picture("missing-result")
                    pytest.fail(f"{self.tab.url} has no {text!r}; its console:\n" + "\n".join(self.console[-20:]))
            else:
                return locator
        raise AssertionError

    def picture(self, name: str) -> None:
        """Write what the tab shows to ``build/screenshots``."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=SCREENSHOTS / f"{name}.png")

    def _hear(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """The sites and a tree with the tiny model."""
    app = Application(Tree(write_tiny_tree(tmp_path_factory.mktemp("tree"))), SITES)
    with RunningServer(StartPages(app, app.root_hash)) as server:
        yield Hosts(app, server)


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    """The system's browsers, each started when a test first wants it."""
    with sync_playwright() as playwright, ExitStack() as closing:
        yield Browsers(playwright, closing)


def visitor(browser: Browser, hosts: Hosts, *, is_firefox: bool) -> Iterator[Visitor]:
    """A tab in a context of its own."""
    hosts.requests()
    with browser.new_context(viewport={"width": 1000, "height": 620}) as context:
        yield Visitor(context.new_page(), hosts.server.url, is_firefox)


@pytest.fixture
def chromium(browsers: Browsers, hosts: Hosts) -> Iterator[Visitor]:
    """A visitor with Chromium."""
    yield from visitor(browsers["chrome"], hosts, is_firefox=False)


@pytest.fixture
def firefox(browsers: Browsers, hosts: Hosts) -> Iterator[Visitor]:
    """A visitor with Firefox."""
    yield from visitor(browsers["firefox"], hosts, is_firefox=True)
