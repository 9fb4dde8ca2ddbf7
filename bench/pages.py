"""Pages with Pyodide in a new browser, for measurements."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from pytest_pyodide.server import spawn_web_server

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.pyodide.runners import RUNNERS, launch  # noqa: E402  the path above is needed first

BROWSERS = ["chrome", "firefox"]


@contextmanager
def page_with_pyodide(name: str) -> Iterator[Any]:
    """Open a page in a new browser, as pytest-pyodide's runner."""
    with sync_playwright() as playwright, spawn_web_server(ROOT / "build/pyodide") as (host, port, log):
        browser = launch(playwright, name)
        runner = RUNNERS[name, "page"](
            browsers={name: browser},
            server_hostname=host,
            server_port=port,
            server_log=log,
            dist_dir=ROOT / "build/pyodide",
        )
        try:
            yield runner
        finally:
            runner.quit()
            browser.close()


def report(measure: Callable[[str], Any], names: list[str]) -> None:
    """Measure in these browsers, or in both, and print the result as JSON."""
    results = {name: measure(name) for name in names or BROWSERS}
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result
