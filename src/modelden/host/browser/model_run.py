"""The run of a model in a headless browser, on the settings and models of a tree or of a server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from modelden.config import Configuration
from modelden.host.browser.browsers import playwright, resident_memory
from modelden.host.browser.pyodide_page import Job, open_page, page_server
from modelden.host.errors import HostError
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright


class ModelSource:
    """The source of settings and models: a tree, which is served here, or a server. Used with ``with``.

    Attributes:
        configure: Arguments of `modelden.configure`.

    Raises:
        HostError: Both are given, or none; or the folder is not a tree.
        InputError: A value of the configuration cannot be used.
    """

    def __init__(self, tree: Path | None = None, configure: Mapping[str, Any] | None = None) -> None:
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
        self.close()

    def close(self) -> None:
        """Stop the server of a tree."""
        if self._server:
            self._server.stop()

    def requests(self) -> list[dict[str, Any]] | None:
        """Return the requests since the last call; None for a remote server."""
        if self._application is None:
            return None
        requests = [
            {"method": entry["method"], "path": entry["path"], "status": entry["status"], "bytes": entry["bytes"]}
            for entry in self._application.log.to_json()
        ]
        self._application.log.clear()
        return requests


def run_job(
    source: ModelSource, job: Job, browser: str, pyodide: Path, *, profile: Path | None = None, offline: bool = False
) -> dict[str, Any]:
    """Run a job in a browser. With ``offline``, run it again in a new browser process, without any server.

    Args:
        source: Settings and models.
        job: The job.
        browser: ``chromium`` or ``firefox``.
        pyodide: The Pyodide distribution.
        profile: Folder of a profile to keep; None takes a temporary one.
        offline: Check that a second run needs no network.

    Raises:
        HostError: The browser or Pyodide cannot be used.
    """
    with ExitStack() as closing:
        url = closing.enter_context(page_server(pyodide, profile))
        folder = profile or Path(closing.enter_context(TemporaryDirectory(prefix="modelden-profile-")))
        driver = closing.enter_context(playwright())
        closing.enter_context(source)
        outcome = {"browser": browser, **_visit(driver, source, job, browser, folder, url)}
        if offline and outcome["error"] is None:
            source.close()
            second = _visit(driver, source, job, browser, folder, url, offline=True)
            second["same_outputs"] = second.get("outputs") == outcome["outputs"]
            outcome["offline"] = second
        return outcome


def _visit(
    driver: Playwright, source: ModelSource, job: Job, browser: str, folder: Path, url: str, *, offline: bool = False
) -> dict[str, Any]:
    with open_page(driver, browser, folder, url) as page:
        foreign_requests = _watch(page.page.context, url, block=offline)
        outcome = page.run(source.configure, job, update=not offline)
        outcome["memory"] = resident_memory()
        requests = source.requests()
        outcome["requests"] = requests if requests is not None and not offline else foreign_requests
        return outcome


def _watch(context: BrowserContext, url: str, *, block: bool) -> list[dict[str, Any]]:
    """Record the browser's requests to other origins than the page's, and block them with ``block``."""
    requests: list[dict[str, Any]] = []
    own = urlsplit(url).netloc

    def record(request: Any) -> None:
        if request.url.startswith("http") and urlsplit(request.url).netloc != own:
            requests.append({"method": request.method, "url": request.url})

    context.on("request", record)
    if block:
        context.route(
            lambda address: urlsplit(address).netloc != own and address.startswith("http"),
            lambda route: route.abort(),
        )
    return requests
