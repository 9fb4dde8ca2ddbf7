"""The gain of the browser's HTTP cache for a model that is deleted and loaded again, with bare fetch alone.

    .venv/bin/python bench/http_cache.py chrome firefox

A page fetches a file twice, with ``cache: "no-store"`` and with the default, from a hub that lets it be cached for a
year. For each: the bytes that the server sent for the second visit, and the MiB by which the profile has grown after
the first, which the page's quota does not count. ``docs/decisions/`` 0049 says what followed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pages import report  # also makes tests/ known
from playwright.sync_api import sync_playwright

from modelden.host.serve.server import RunningServer
from tests.pyodide.firefox_workers import ARGUMENTS, PREFERENCES
from tests.pyodide.runners import CHROMIUM_FLAGS, chromium, on_path

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright
    from starlette.types import Receive, Scope, Send

MIB = 1024 * 1024
SIZES = {"20 MiB": 20 * MIB, "120 MiB": 120 * MIB}
PIECE = os.urandom(MIB)
SETTLE = 5.0  # seconds in which a browser writes its cache out

_FETCH = """
async ([url, cache]) => {
    const start = performance.now();
    const response = await fetch(url, { cache });
    const reader = response.body.getReader();
    for (let done = false; !done; ) ({ done } = await reader.read());
    return (performance.now() - start) / 1000;
}
"""


class Hub:
    """A hub whose files may be cached, and the number of bytes that it sent."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Respond with the page, or with a file of the size that its path names."""
        number = scope["path"].removeprefix("/")  # else the page, or its icon
        size = int(number) if number.isdigit() else 0
        headers = {"content-type": "text/html" if not size else "application/octet-stream", "content-length": str(size)}
        if size:
            headers |= {"cache-control": "public, max-age=31536000", "etag": f'"{size}"'}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        for _ in range(size // MIB):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.sent += MIB
        await send({"type": "http.response.body", "body": b""})


def measure(name: str) -> dict[str, dict[str, Any]]:
    """Measure both ways with each size, each on a new profile of one browser."""
    with sync_playwright() as playwright:
        return {
            f"{label}, {cache}": _measure(playwright, name, size, cache)
            for label, size in SIZES.items()
            for cache in ("no-store", "default")
        }


def _measure(playwright: Playwright, name: str, size: int, cache: str) -> dict[str, Any]:
    hub = Hub()
    with RunningServer(hub) as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with _open(playwright, name, folder) as context:
            page = context.new_page()
            page.goto(server.url)
            before, url = _bytes_below(folder), f"{server.url}/{size}"
            first = page.evaluate(_FETCH, [url, cache])
            time.sleep(SETTLE)
            grown = _bytes_below(folder) - before
            hub.sent = 0
            second = page.evaluate(_FETCH, [url, cache])
        return {
            "second visit, MiB from the server": hub.sent // MIB,
            "profile grown, MiB": grown // MIB,
            "seconds": [round(first, 2), round(second, 2)],
        }


def _open(playwright: Playwright, name: str, folder: str) -> BrowserContext:
    if name == "chrome":
        return playwright.chromium.launch_persistent_context(
            folder, executable_path=chromium(), args=[*CHROMIUM_FLAGS, "--no-first-run"]
        )
    return playwright.firefox.launch_persistent_context(
        folder,
        channel="moz-firefox",
        executable_path=on_path("firefox-esr", "firefox"),
        args=ARGUMENTS,
        firefox_user_prefs=dict(PREFERENCES),
    )


def _bytes_below(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file() and not file.is_symlink())


if __name__ == "__main__":
    report(measure, sys.argv[1:])
