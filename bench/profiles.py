"""A page with Pyodide in a browser on a profile folder, and its memory, for the measurements of storage."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from modelden.host.serve.server import RunningServer

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext
    from starlette.requests import Request

ROOT = Path(__file__).parents[1]

MIB = 1024 * 1024

LOAD = """async ([base, modules]) => {
    const { loadPyodide } = await import(`${base}/pyodide.mjs`);
    self.pyodide = await loadPyodide({ indexURL: `${base}/` });
    await pyodide.loadPackage("modelden");
    for (const [name, source] of Object.entries(modules)) pyodide.FS.writeFile(name, source);
}"""

CALL = """async ([module, name, text]) => {
    pyodide.globals.set("text", text);
    const result = await pyodide.runPythonAsync(`
        import json, ${module}
        json.dumps(await ${module}.${name}(**json.loads(text)))`);
    return JSON.parse(result);
}"""


def pyodide_server() -> RunningServer:
    """An empty page, and the Pyodide distribution with the built wheel."""

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse("<!DOCTYPE html><title>bench</title>")

    return RunningServer(
        Starlette(routes=[Route("/", page), Mount("/", StaticFiles(directory=ROOT / "build/pyodide"))])
    )


class BenchPage:
    """A page with modelden, and modules of this folder."""

    def __init__(self, context: BrowserContext, url: str, *modules: str) -> None:
        """Load Pyodide and modelden.

        Args:
            context: The browser.
            url: What `pyodide_server` serves.
            modules: Their file names.
        """
        self.tab = context.new_page()
        # A run takes minutes on a busy machine. The output shows that it works.
        self.tab.set_default_timeout(0)
        self.tab.goto(url)
        sources = {name: (ROOT / "bench" / name).read_text(encoding="utf-8") for name in modules}
        self.tab.evaluate(LOAD, [url, sources])

    def call(self, module: str, function: str, **arguments: Any) -> Any:
        """Call an async function of one of the modules."""
        return self.tab.evaluate(CALL, [module, function, json.dumps(arguments)])

    def heap(self) -> int:
        """Bytes of Python's memory, which never shrinks."""
        return int(self.tab.evaluate("pyodide._module.HEAP8.length"))


class Peak:
    """Peak memory of a browser, above its memory at first. A context manager.

    Anonymous and shared pages, not the file cache, from /proc every 25 ms. Pages that processes share count twice.
    """

    def __init__(self, process: int) -> None:
        """Measure a process and its descendants."""
        self._process = process

    def __enter__(self) -> Self:
        self._first = browser_memory(self._process)
        self._most = dict(self._first)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def mib(self) -> dict[str, int]:
        """MiB of pages, and of all processes of the browser."""
        return {name: round((self._most[name] - self._first[name]) / MIB) for name in self._first}

    def _watch(self) -> None:
        while not self._done.wait(0.025):
            for name, size in browser_memory(self._process).items():
                self._most[name] = max(self._most[name], size)


def browser_memory(root: int) -> dict[str, int]:
    """Bytes of the processes of pages, and of all: the root and its descendants."""
    sizes = {"pages": 0, "all": 0}
    for process in _family(root):
        size = _resident(process)
        sizes["all"] += size
        if _is_page(process):
            sizes["pages"] += size
    return sizes


def settle(process: int) -> None:
    """Wait until the browser's memory is steady: within a MiB for a second."""
    steady, last = 0, browser_memory(process)["all"]
    while steady < 4:
        time.sleep(0.25)
        now = browser_memory(process)["all"]
        steady = steady + 1 if abs(now - last) < MIB else 0
        last = now


def _family(root: int) -> list[Path]:
    children: dict[str, list[Path]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _text(stat).rpartition(")")[2].split()
        if fields:
            children.setdefault(fields[1], []).append(stat.parent)
    folders: list[Path] = []
    pending = [Path("/proc") / str(root)]
    while pending:
        process = pending.pop()
        pending += children.get(process.name, [])
        folders.append(process)
    return folders


def _resident(process: Path) -> int:
    lines = [line.split() for line in _text(process / "status").splitlines()]
    return sum(int(line[1]) * 1024 for line in lines if line and line[0] in ("RssAnon:", "RssShmem:"))


def _is_page(process: Path) -> bool:
    arguments = _text(process / "cmdline").replace("\0", " ")
    return "--type=renderer" in arguments or arguments.rstrip().endswith(" tab")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # the process has ended meanwhile
        return ""
