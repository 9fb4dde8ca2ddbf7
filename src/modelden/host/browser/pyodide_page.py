"""A page with Pyodide and modelden in a real browser, and the server that the page comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modelden.host.browser.browsers import open_profile
from modelden.host.browser.page_site import page_app
from modelden.host.errors import BrowserError
from modelden.host.serve.server import RunningServer

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

BOOT_TIMEOUT = 120
"""Seconds that Pyodide has to start."""

_PORT_FILE = "modelden-port"
"""In a profile that is kept: what a page stores belongs to its port, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be run.

    Attributes:
        engine: Arguments of `modelden.create_engine`.
        inputs: The arguments of each run.
        options: Keyword arguments of all runs.
    """

    engine: Mapping[str, Any]
    inputs: Sequence[Sequence[Any]]
    options: Mapping[str, Any] = field(default_factory=dict)


class PyodidePage:
    """A page with Pyodide and modelden, in a browser.

    Attributes:
        page: Playwright's page.
    """

    def __init__(self, page: Page) -> None:
        """Adopt a page of `page_app`, already opened."""
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def boot(self) -> None:
        """Return when Python can be used.

        Raises:
            BrowserError: It could not be started.
        """
        self._evaluate("async () => { await globalThis.booted; }", None, "Pyodide could not be started")

    def evaluate(self, source: str, argument: str) -> Any:
        """Run Python with top-level await, ``argument`` being a global; its last line has to give JSON.

        Raises:
            BrowserError: It raised, with Python's words.
        """
        text = self._evaluate(
            """async ([source, argument]) => {
                pyodide.globals.set("argument", argument);
                const text = await pyodide.runPythonAsync(source);
                return text === undefined || text === null ? "null" : String(text);
            }""",
            [source, argument],
            "Python in the page raised",
        )
        return json.loads(text)

    def run(self, configure: Mapping[str, Any], job: Job, *, update: bool = False) -> dict[str, Any]:
        """Run a job, with ``update`` on the newest settings; what came of it."""
        script = files("modelden.host.browser").joinpath("page_script.py").read_text(encoding="utf-8")
        text = json.dumps(
            {
                "configure": configure,
                "engine": job.engine,
                "inputs": job.inputs,
                "options": dict(job.options),
                "update": update,
            }
        )
        outcome: dict[str, Any] = self.evaluate(f"{script}\nawait run(argument)\n", text)
        outcome["python_heap"] = self.page.evaluate("() => pyodide._module.HEAP8.length")
        return outcome

    def _evaluate(self, function: str, argument: Any, what: str) -> Any:
        from playwright.sync_api import Error

        try:
            return self.page.evaluate(function, argument)
        except Error as error:
            raise BrowserError(f"{what}: {error.message}") from error


@contextmanager
def page_server(pyodide: Path, profile: Path | None = None) -> Iterator[str]:
    """Serve the page; its origin, which is the same each time for a profile that is kept.

    Raises:
        ServeError: The port of the profile is taken.
    """
    with TemporaryDirectory(prefix="modelden-") as name:
        scratch = TemporaryDirectory(prefix="wheel-", dir=name)
        remembered = profile / _PORT_FILE if profile else None
        port = int(remembered.read_text(encoding="utf-8")) if remembered and remembered.exists() else 0
        with scratch, RunningServer(page_app(pyodide, scratch), port=port) as server:
            if remembered:
                remembered.parent.mkdir(parents=True, exist_ok=True)
                remembered.write_text(str(server.port), encoding="utf-8")
            yield server.url


@contextmanager
def open_page(driver: Playwright, browser: str, folder: Path, url: str) -> Iterator[PyodidePage]:
    """Open the page in a browser on a profile folder, with Python ready.

    Raises:
        BrowserError: The browser or Pyodide does not start.
    """
    context = open_profile(driver, browser, folder)
    try:
        context.set_default_timeout(BOOT_TIMEOUT * 1000)
        page = context.pages[0] if context.pages else context.new_page()
        den = PyodidePage(page)
        page.goto(f"{url}/")
        den.boot()
        yield den
    finally:
        context.close()
