"""Time one large file as a whole and in parallel ranges, with bare fetch and without modelden.

    .venv/bin/python bench/ranges.py chrome firefox

Each file is fetched whole and in four ranges at once, from a server that is free, that gives each connection its share,
or that has one rate for all together; best of three. Seconds, as JSON. ``docs/decisions/`` 0030 says what followed.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pages import report  # also makes tests/ known
from playwright.sync_api import sync_playwright
from starlette.datastructures import Headers

from modelden.host.serve.server import RunningServer
from tests.pyodide.runners import launch

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

SIZE = 64 * 1024 * 1024
PIECE = 256 * 1024
RANGES = 4
LINKS = {"free": (None, None), "10 MB/s each": (10e6, None), "50 MB/s together": (None, 50e6)}

_FETCH = """
async ([url, size, ranges]) => {
    const part = async (first, last) => {
        const headers = ranges > 1 ? { Range: `bytes=${first}-${last}` } : {};
        const reader = (await fetch(url, { headers, cache: "no-store" })).body.getReader();
        let got = 0;
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return got;
            got += value.length;
        }
    };
    const start = performance.now();
    const length = size / ranges;
    const parts = Array.from({ length: ranges }, (_, i) => part(i * length, (i + 1) * length - 1));
    const got = (await Promise.all(parts)).reduce((sum, each) => sum + each, 0);
    if (got !== size) throw new Error(`${got} bytes`);
    return (performance.now() - start) / 1000;
}
"""


@dataclass
class Line:
    """A server of zeros behind a line.

    Attributes:
        per_answer: Bytes per second of each response, or None.
        together: Bytes a second for all answers, or None.
    """

    per_answer: float | None = None
    together: float | None = None
    _free_at: float = 0.0

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Respond with the whole file, with a range ``bytes=first-last``, or with the page."""
        requested = Headers(scope=scope).get("range", "")
        first, _, last = requested.removeprefix("bytes=").partition("-")
        length = int(last) - int(first) + 1 if requested else SIZE
        page = scope["path"] == "/"
        headers = {"content-type": "text/html" if page else "application/octet-stream"}
        if requested:
            headers["content-range"] = f"bytes {first}-{last}/{SIZE}"
        headers["content-length"] = str(0 if page else length)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 206 if requested else 200, "headers": raw})
        for start in range(0, 0 if page else length, PIECE):
            size = min(PIECE, length - start)
            await self._wait(size)
            await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _wait(self, size: int) -> None:
        if self.per_answer is not None:
            await asyncio.sleep(size / self.per_answer)
        if self.together is not None:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + size / self.together
            await asyncio.sleep(self._free_at - now)


def measure(name: str) -> dict[str, dict[str, float]]:
    """Measure the seconds of each way over each line, in one browser."""
    line, results = Line(), {}
    with RunningServer(line) as server, sync_playwright() as playwright:
        browser = launch(playwright, name)
        page = browser.new_page()
        page.goto(server.url)
        for link, (line.per_answer, line.together) in LINKS.items():
            whole, parts = (
                min(page.evaluate(_FETCH, [f"{server.url}/file", SIZE, ranges]) for _ in range(3))
                for ranges in (1, RANGES)
            )
            results[link] = {"whole": round(whole, 2), "ranges": round(parts, 2)}
        browser.close()
    return results


if __name__ == "__main__":
    report(measure, sys.argv[1:])
