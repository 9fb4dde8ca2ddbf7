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
"""Seconds for Pyodide to start."""

PORT_FILE = "modelden-port"
"""File in a kept profile with the port of the page, because stored data belongs to an origin with its port."""


_INSTALL = """async ([root, wheel]) => {
  await globalThis.booted; // the empty page's
  if (globalThis.pyodide) return;
  const { loadPyodide } = await import(`${root}pyodide/pyodide.mjs`);
  globalThis.pyodide = await loadPyodide({ indexURL: `${root}pyodide/` });
  await pyodide.loadPackage(`${root}wheel/${wheel}`, { messageCallback: () => {} });
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run of a model.

    Attributes:
        engine: Arguments of `modelden.create_engine`.
        inputs: Positional arguments of each call.
        options: Keyword arguments of all calls.
    """

    engine: Mapping[str, Any]
    inputs: Sequence[Sequence[Any]]
    options: Mapping[str, Any] = field(default_factory=dict)


class PyodidePage:
    """A page with Pyodide and modelden, in a browser.

    Attributes:
        page: Playwright's page.
        complaints: Uncaught errors of the page's JavaScript.
    """

    def __init__(self, page: Page) -> None:
        """Wrap an open page of `page_app`."""
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def boot(self) -> None:
        """Wait until Python is ready.

        Raises:
            BrowserError: Pyodide did not start.
        """
        self._evaluate("async () => { await globalThis.booted; }", None, "Pyodide could not be started")

    def install(self, root: str, wheel: str) -> None:
        """Start Pyodide with modelden in a page that may be of another origin, unless it has its own.

        Args:
            root: URL of a `page_app`, with a final slash. Of another origin it has to allow this one (CORS).
            wheel: File name of its wheel.

        Raises:
            BrowserError: Pyodide did not start.
        """
        self._evaluate(_INSTALL, [root, wheel], "Pyodide could not be started")

    def evaluate(self, source: str, argument: str) -> Any:
        """Run Python with top-level await and the global ``argument``. Its last expression has to be JSON text.

        Raises:
            BrowserError: The code raised an exception, which is in the message.
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
        """Run a job and return its outcome. With ``update``, it syncs the settings first."""
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

    def _evaluate(self, function: str, argument: Any, summary: str) -> Any:
        from playwright.sync_api import Error

        try:
            return self.page.evaluate(function, argument)
        except Error as error:
            raise BrowserError(f"{summary}: {error.message}") from error


@contextmanager
def page_server(pyodide: Path, profile: Path | None = None) -> Iterator[str]:
    """Serve the page and yield its origin. A kept profile gets the same origin each time.

    Raises:
        ServeError: The port of the profile is in use.
    """
    with TemporaryDirectory(prefix="modelden-") as name:
        scratch = TemporaryDirectory(prefix="wheel-", dir=name)
        port_file = profile / PORT_FILE if profile else None
        port = int(port_file.read_text(encoding="utf-8")) if port_file and port_file.exists() else 0
        with scratch, RunningServer(page_app(pyodide, scratch), port=port) as server:
            if port_file:
                port_file.parent.mkdir(parents=True, exist_ok=True)
                port_file.write_text(str(server.port), encoding="utf-8")
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
        page = PyodidePage(context.pages[0] if context.pages else context.new_page())
        page.page.goto(f"{url}/")
        page.boot()
        yield page
    finally:
        context.close()
