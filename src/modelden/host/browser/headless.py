"""Run models headlessly: a tree or a server, a page with Pyodide, a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from modelden.config import Configuration
from modelden.host.browser.browsers import open_profile, playwright, resident_memory
from modelden.host.browser.page_site import page_app
from modelden.host.errors import BrowserError, HostError
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

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


class Source:
    """Where settings and models come from: a tree, served here, or a server. Used with ``with``.

    Attributes:
        configure: Arguments of `modelden.configure`.
    """

    def __init__(self, tree: Path | None = None, configure: Mapping[str, Any] | None = None) -> None:
        """Say which.

        Raises:
            HostError: It is both, or neither; or the tree is none.
            InputError: A value of the configuration cannot be used.
        """
        if (tree is None) == (configure is None):
            raise HostError("Name either a tree (--tree) or a server (--server and --root-hash).")
        self._application = Application(Tree(tree)) if tree else None
        self._server = RunningServer(self._application) if self._application else None
        self.configure: dict[str, Any] = dict(configure or {})
        if configure is not None:
            Configuration(**self.configure)

    def __enter__(self) -> Self:
        if self._server and self._application:
            self._server.start()
            self.configure = {
                "settings_server": f"{self._server.url}/v1",
                "root_hash": self._application.root_hash,
                "hub_root_url": f"{self._server.url}/hub",
            }
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    def go_away(self) -> None:
        """Stop the server of a tree."""
        if self._server:
            self._server.stop()

    def requests(self) -> list[dict[str, Any]] | None:
        """The requests since the last call; None for a server that is not ours."""
        if self._application is None:
            return None
        found = [
            {"method": each["method"], "path": each["path"], "status": each["status"], "bytes": each["bytes"]}
            for each in self._application.log.to_json()
        ]
        self._application.log.clear()
        return found


class Den:
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
def opened(driver: Playwright, browser: str, folder: Path, url: str) -> Iterator[Den]:
    """Open the page in a browser on a profile folder, with Python ready.

    Raises:
        BrowserError: The browser or Pyodide does not start.
    """
    context = open_profile(driver, browser, folder)
    try:
        context.set_default_timeout(BOOT_TIMEOUT * 1000)
        page = context.pages[0] if context.pages else context.new_page()
        den = Den(page)
        page.goto(f"{url}/")
        den.boot()
        yield den
    finally:
        context.close()


def run_job(
    source: Source, job: Job, browser: str, pyodide: Path, *, profile: Path | None = None, offline: bool = False
) -> dict[str, Any]:
    """Run a job in a browser; with ``offline`` once more in a new process of it, without any server.

    Args:
        source: Settings and models.
        job: What to run.
        browser: ``chromium`` or ``firefox``.
        pyodide: The Pyodide distribution.
        profile: Folder of a profile to keep; without it, everything is forgotten.
        offline: Prove that the second run needs no network.

    Raises:
        HostError: Something of this machine is missing.
    """
    with ExitStack() as closing:
        url = closing.enter_context(page_server(pyodide, profile))
        folder = profile or Path(closing.enter_context(TemporaryDirectory(prefix="modelden-profile-")))
        driver = closing.enter_context(playwright())
        closing.enter_context(source)
        outcome = {"browser": browser, **_visit(driver, source, job, browser, folder, url)}
        if offline and outcome["error"] is None:
            source.go_away()
            outcome["offline"] = _visit(driver, source, job, browser, folder, url, alone=True)
            same = outcome["offline"].get("outputs") == outcome["outputs"]
            outcome["offline"]["same_outputs"] = same
        return outcome


def _visit(
    driver: Playwright, source: Source, job: Job, browser: str, folder: Path, url: str, *, alone: bool = False
) -> dict[str, Any]:
    with opened(driver, browser, folder, url) as den:
        others = _watch(den.page.context, url, block=alone)
        outcome = den.run(source.configure, job, update=not alone)
        outcome["memory"] = resident_memory()
        requests = source.requests()
        outcome["requests"] = requests if requests is not None and not alone else others
        return outcome


def _watch(context: BrowserContext, url: str, *, block: bool) -> list[dict[str, Any]]:
    """The requests to other origins than the page's, as the browser sees them; blocked if they are not to be had."""
    found: list[dict[str, Any]] = []
    own = urlsplit(url).netloc

    def note(request: Any) -> None:
        if request.url.startswith("http") and urlsplit(request.url).netloc != own:
            found.append({"method": request.method, "url": request.url})

    context.on("request", note)
    if block:
        context.route(
            lambda address: urlsplit(address).netloc != own and address.startswith("http"),
            lambda route: route.abort(),
        )
    return found
