"""The site of a page with the boot script: Pyodide a snapshot that a test may damage, the workers."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from modelden.host.browser.worker_files import copy_worker_files
from modelden.host.serve.server import RunningServer
from modelden.host.serve.site_app import site_app
from tests.pyodide.runners import ANSWER_SECONDS
from tests.pyodide.servers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import BrowserContext
    from playwright.sync_api import Page as Tab
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUILT = ROOT / "build/pyodide"

_PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>'

_SCRIPT = """
import { boot } from "/modelden/boot.js";
globalThis.boot = boot;
"""

_WORKER = """
import { boot } from "/modelden/boot.js";
onmessage = async ({ data: [options, code] }) => {
  const python = await boot(options);
  postMessage(await python.runPythonAsync(code));
};
"""


class BootSite:
    """Folders ``pyodide`` and ``modelden``, and the requests for them."""

    def __init__(self, folder: Path) -> None:
        self.pyodide = folder / "pyodide"
        self.modelden = folder / "modelden"
        self.requests: list[str] = []
        shutil.copytree(BUILT, self.pyodide)
        copy_worker_files(self.modelden)
        self.url = ""

    @property
    def snapshot(self) -> Path:
        """The snapshot's file."""
        [path] = self.pyodide.glob("*.snapshot")
        return path

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of Pyodide's."""
        (self.pyodide / name).write_bytes(data)

    def edit_entry(self, **changes: Any) -> None:
        """Change the snapshot's entry in the lock file."""
        lock = json.loads((self.pyodide / "pyodide-lock.json").read_text("utf-8"))
        lock["packages"]["modelden"]["tool"]["modelden"]["snapshot"].update(changes)
        self.write("pyodide-lock.json", json.dumps(lock).encode())

    def rewrite_snapshot(self, content: bytes) -> None:
        """Replace the content of the snapshot and its file's hash."""
        packed = gzip.compress(content, 1)
        self.edit_entry(file_sha256=hashlib.sha256(packed).hexdigest())
        self.write(self.snapshot.name, packed)

    def requested(self, suffix: str) -> bool:
        """Tell whether a file with this suffix was requested."""
        return any(path.endswith(suffix) for path in self.requests)


def unpacked(path: Path) -> bytes:
    """Return the content of a snapshot file."""
    return gzip.decompress(path.read_bytes())


@contextmanager
def served(site: BootSite, headers: Mapping[str, str] | None = None) -> Iterator[BootSite]:
    """Serve the site, with these headers on each response."""
    app = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(_PAGE)),
            Route("/page.js", lambda _: Response(_SCRIPT, media_type="text/javascript")),
            Route("/worker.js", lambda _: Response(_WORKER, media_type="text/javascript")),
            Mount("/pyodide", site_app(site.pyodide.parent / "pyodide")),
            Mount("/modelden", site_app(site.modelden)),
        ]
    )
    with RunningServer(_recorded(app, site.requests, headers or {})) as server:
        site.url = f"http://localhost:{server.port}"
        yield site


def _recorded(app: ASGIApp, requests: list[str], headers: Mapping[str, str]) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        requests.append(scope.get("path", ""))
        await app(scope, receive, send_with_headers)

    return answer


class BootPage:
    """A tab that starts Python with the boot script.

    Attributes:
        tab: Playwright's page.
        complaints: Warnings and errors of the console, and uncaught errors.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.complaints: list[str] = []
        self.tab: Tab = context.new_page()
        self.tab.set_default_timeout(1000 * ANSWER_SECONDS)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("console", self._add)
        self.tab.goto(url)
        self.tab.wait_for_function("() => globalThis.boot")

    def boot(self, **options: Any) -> None:
        """Start Python."""
        self.tab.evaluate("async (options) => { globalThis.python = await boot(options); }", options)

    def run(self, code: str) -> Any:
        """Run Python, with await; its last expression is the result."""
        return self.tab.evaluate(
            "async (code) => { const value = await python.runPythonAsync(code); return value?.toJs?.() ?? value; }",
            code,
        )

    def is_from_snapshot(self) -> bool:
        """Tell whether Python was restored: otherwise nothing has imported downloaders yet."""
        imported: bool = self.run("import sys; 'modelden.hub.download.downloader' in sys.modules")
        return imported

    def _add(self, message: Any) -> None:
        if message.type in {"warning", "error"}:
            self.complaints.append(message.text)
