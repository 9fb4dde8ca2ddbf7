"""Storage of a file of a GiB: its memory, and its hash after a restart of the browser.

    python bench/big.py chromium firefox

The browsers are started plainly, without WebDriver: Firefox, when it is driven, keeps each answer's body in memory, a
bare `fetch` that discards a GiB takes it 1.1 GiB then. Prints JSON on stdout.
"""

from __future__ import annotations

import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from starlette.applications import Starlette  # noqa: E402  the path above is needed first
from starlette.responses import HTMLResponse, JSONResponse, Response  # noqa: E402  the path is set first
from starlette.routing import Mount, Route  # noqa: E402  the path is set first
from starlette.staticfiles import StaticFiles  # noqa: E402  the path is set first

from bench.profiles import MIB, Peak, settle  # noqa: E402  the path is set first
from modelden.host.browser.browsers import executable  # noqa: E402  the path is set first
from modelden.host.serve.server import RunningServer  # noqa: E402  the path is set first
from tests.faults.hub import FaultyHub  # noqa: E402  the path is set first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

PATIENCE = 600
"""Seconds for a job on a busy machine."""

PAGE = """<!DOCTYPE html><title>big</title><script type="module">
    import { loadPyodide } from "/pyodide.mjs";
    const tell = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
    try {
        self.pyodide = await loadPyodide({ indexURL: "/" });
        await pyodide.loadPackage("modelden");
        pyodide.FS.writeFile("big_in_page.py", await (await fetch("/big_in_page.py")).text());
        for (;;) {
            const job = await fetch("/job");
            if (job.status !== 200) {
                await new Promise((resolve) => setTimeout(resolve, 100));
                continue;
            }
            pyodide.globals.set("job", await job.text());
            await tell(JSON.parse(await pyodide.runPythonAsync(`
                import json, big_in_page
                name, arguments = json.loads(job)
                json.dumps(await getattr(big_in_page, name)(**arguments))`)));
        }
    } catch (error) {
        await tell({ error: String(error) });
    }
</script>"""

FLAGS = {
    "chromium": ["--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--user-data-dir={}"],
    "firefox": ["--headless", "--no-remote", "--profile", "{}"],
}

FIREFOX_PREFS = 'user_pref("browser.shell.checkDefaultBrowser", false);\nuser_pref("app.update.auto", false);\n'


class Remote:
    """A page that asks for jobs."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[list[Any]] = queue.Queue()
        self._results: queue.Queue[dict[str, Any]] = queue.Queue()

    def app(self) -> Starlette:
        """Serve the page, its jobs and their results."""

        async def page(_request: Request) -> Response:
            return HTMLResponse(PAGE)

        async def job(_request: Request) -> Response:
            return Response(status_code=204) if self._jobs.empty() else JSONResponse(self._jobs.get())

        async def result(request: Request) -> Response:
            self._results.put(await request.json())
            return Response(status_code=204)

        async def module(_request: Request) -> Response:
            return Response((ROOT / "bench/big_in_page.py").read_text(encoding="utf-8"), media_type="text/plain")

        return Starlette(
            routes=[
                Route("/", page),
                Route("/job", job),
                Route("/result", result, methods=["POST"]),
                Route("/big_in_page.py", module),
                Mount("/", StaticFiles(directory=ROOT / "build/pyodide")),
            ]
        )

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a function of `big_in_page`."""
        self._jobs.put([name, arguments])
        result = self._results.get(timeout=PATIENCE)
        if "error" in result:
            raise RuntimeError(result["error"])
        return result


@contextmanager
def browser(name: str, profile: Path, url: str) -> Iterator[int]:
    """Start a browser with one page; yields its process id. Ends it afterwards."""
    (profile / "user.js").write_text(FIREFOX_PREFS, encoding="utf-8")
    command = [executable(name), *(flag.format(profile) for flag in FLAGS[name]), url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  our own command
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def measure(name: str, size: int) -> dict[str, Any]:
    """Store a file, restart the browser, and read the file, which the hub has deleted by then."""
    block = random.Random(1).randbytes(min(size, 64 * MIB))  # noqa: S311  it keeps no secret
    files = {"/org/model/v1/small.bin": block[: 2 * MIB], "/org/model/v1/big.bin": block * (size // len(block))}
    hub = FaultyHub(files)
    remote = Remote()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        RunningServer(hub) as server,
        RunningServer(remote.app()) as site,
    ):
        with browser(name, Path(folder), f"{site.url}/") as process:
            # Afterwards, the modules and buffers of any download are in memory.
            first = remote.call("store", root_url=server.url, file="small.bin")
            settle(process)
            with Peak(process) as peak:
                start = time.monotonic()
                stored = remote.call("store", root_url=server.url, file="big.bin")
                seconds = time.monotonic() - start
        served = hub.served("/org/model/v1/big.bin")
        hub.files = {"/org/model/v1/bare.bin": files["/org/model/v1/big.bin"]}
        with browser(name, Path(folder), f"{site.url}/") as process:
            remote.call("idle")
            settle(process)
            with Peak(process) as bare:
                remote.call("discard", root_url=server.url, file="bare.bin")
            read = remote.call("read", root_url=server.url, file="big.bin")
    return {
        "bytes": stored["size"],
        "served": served,
        "seconds": round(seconds, 1),
        "memory while storing, MiB": peak.mib(),
        "memory of a bare fetch, MiB": bare.mib(),
        "Python's heap grew by, bytes": stored["heap"] - first["heap"],
        "same hash after a restart": read == {"size": stored["size"], "sha256": stored["sha256"]},
    }


def main(browsers: list[str]) -> None:
    """Measure in these browsers, or in both."""
    results = {name: measure(name, 1024 * MIB) for name in browsers or ["chromium", "firefox"]}
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
