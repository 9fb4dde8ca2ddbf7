"""Pages of WebKitGTK with Pyodide, driven by Selenium: in a private session, or on a profile folder."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide.runner import _SeleniumBaseRunner
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import WebKitGTK
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

DRIVER = Path("/usr/bin/WebKitWebDriver")
PROFILE_BROWSER = Path(__file__).with_name("profile_browser.py")
ANSWER_SECONDS = 150
"""Limit for one call: more than any test needs, less than pytest-timeout's limit."""


def private_browser() -> Path:
    """Find MiniBrowser, which is not on the PATH."""
    found = next(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"), None)
    if found is None or not DRIVER.exists():
        pytest.exit("WebKitGTK's MiniBrowser or WebKitWebDriver is missing: run ./build.sh test webkit", returncode=1)
    return found


def options(profile: Path | None) -> Options:
    """Name the browser of a session, with its arguments."""
    chosen = Options()
    if profile:
        chosen.binary_location = str(PROFILE_BROWSER)
        chosen.add_argument(str(profile))
    else:
        chosen.binary_location = str(private_browser())
        chosen.add_argument("--automation")
    return chosen


class WebKitTab(WebKitGTK):
    """A browser's one tab, with the method of Playwright's pages that `Page.until` calls."""

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Let the browser work."""
        time.sleep(milliseconds / 1000)


class WebKitRunner(_SeleniumBaseRunner):
    """The main thread of a page in a browser of its own.

    Args:
        profile: Folder that keeps the storage; None for a private session.
        server: Host name, port and log of the page's server.
    """

    browser = "safari"
    script_timeout = ANSWER_SECONDS
    silent = False

    def __init__(self, profile: Path | None, server: tuple[str, int, Path]) -> None:
        self._profile = profile
        host, port, log = server
        super().__init__(server_hostname=host, server_port=port, server_log=log)

    def get_driver(self, jspi: bool = False) -> WebKitTab:  # noqa: ARG002, FBT001, FBT002  pytest-pyodide's signature
        """Start the browser."""
        return WebKitTab(options=options(self._profile), service=Service(str(DRIVER), env=environment()))

    def kill_page(self) -> None:
        """Kill the process of the page, as a browser without memory does, then close the browser."""
        for process in descendants(self.driver.service.process.pid):
            if _command(process).endswith("WebKitWebProcess"):
                os.kill(process, signal.SIGKILL)
        self.quit()

    def quit(self) -> None:
        """Close the browser."""
        with suppress(WebDriverException):
            self.driver.quit()


def environment() -> dict[str, str]:
    """Return the environment of the driver. As root, in CI and containers, WebKit's sandbox does not start."""
    root = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"} if os.geteuid() == 0 else {}
    return {**os.environ, **root}


def descendants(parent: int) -> list[int]:
    """List the processes that a process started, with theirs."""
    children: list[int] = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            children += [child, *descendants(child)]
    return children


def _command(process: int) -> str:
    arguments: list[Any] = Path(f"/proc/{process}/cmdline").read_text().split("\0")
    return str(arguments[0])
