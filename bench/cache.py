"""Costs of a stored file against the browser's own means, in one page, in turns; modelden always hashes.

    python bench/cache.py chromium firefox

- `link`: a file from a server that sends 50 MB/s, against a bare fetch: 1 is the speed of the line.
- `loopback`: as fast as it goes, against fetch and `Cache.put`.
- `warm`: reading it into an ArrayBuffer, against the Cache API, when it has been rewritten as one Blob.
- `memory`: MiB that the page, and all of the browser, take more while 200 MB are stored.
- `lists`: microseconds per file, with more and more files.

Ratios are of speeds, medians of those of neighbours: above 1 modelden is faster. Prints JSON on stdout.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.profiles import BenchPage, Peak, pyodide_server, settle  # noqa: E402  the path above is needed first
from modelden.host.browser.browsers import open_profile, playwright  # noqa: E402  the path is set first
from modelden.host.serve.server import RunningServer  # noqa: E402  the path is set first
from tests.faults.hub import FaultyHub  # noqa: E402  the path is set first

SIZES = {"23 MB": 23_000_000, "200 MB": 200_000_000}

LINK = 50_000_000
"""Bytes per second of the throttled line."""

TIMES = {"link": 3, "loopback": 5, "warm": 10}

FETCH = """async (url) => {
    const start = performance.now();
    const { body } = await fetch(url, { cache: "no-store" });
    const reader = body.getReader();
    while (!(await reader.read()).done);
    return performance.now() - start;
}"""

CACHE_PUT = """async (url) => {
    const cache = await caches.open("bench");
    await cache.delete(url);
    const start = performance.now();
    await cache.put(url, await fetch(url, { cache: "no-store" }));
    return performance.now() - start;
}"""

CACHE_READ = """async (url) => {
    const cache = await caches.open("bench");
    const start = performance.now();
    await (await cache.match(url)).arrayBuffer();
    return performance.now() - start;
}"""


class Bench:
    """A browser's page and its hub."""

    def __init__(self, page: BenchPage, hub: FaultyHub, root: str) -> None:
        self._page = page
        self._hub = hub
        self._root = root

    def size(self, revision: str) -> dict[str, dict[str, float]]:
        """Measure the ratios for the file of a revision."""
        url = f"{self._root}/org/model/{revision}/model.onnx"
        self._hub.rate = LINK
        results = {"link": self._ratio("link", lambda: self._cold(revision), lambda: self._peer(FETCH, url))}
        self._hub.rate = None
        results["loopback"] = self._ratio("loopback", lambda: self._cold(revision), lambda: self._peer(CACHE_PUT, url))
        self._page.call("cache_in_page", "merged")
        results["warm"] = self._ratio("warm", lambda: self._warm(revision), lambda: self._peer(CACHE_READ, url))
        self._page.tab.evaluate("caches.delete('bench')")
        return results

    def memory(self, revision: str) -> dict[str, int]:
        """Measure the memory for storing a file."""
        self._page.call("cache_in_page", "cold", root_url=self._root, revision="23MB")
        settle(os.getpid())
        with Peak(os.getpid()) as peak:
            self._page.call("cache_in_page", "cold", root_url=self._root, revision=revision)
        return peak.mib()

    def _ratio(self, kind: str, ours: Callable[[], float], theirs: Callable[[], float]) -> dict[str, float]:
        pairs = [(ours(), theirs()) for _ in range(TIMES[kind])]
        return {
            "modelden, ms": round(statistics.median(mine for mine, _ in pairs), 1),
            "peer, ms": round(statistics.median(other for _, other in pairs), 1),
            "ratio": round(statistics.median(other / mine for mine, other in pairs), 3),
        }

    def _cold(self, revision: str) -> float:
        self._page.call("cache_in_page", "delete", root_url=self._root)
        return float(self._page.call("cache_in_page", "cold", root_url=self._root, revision=revision))

    def _warm(self, revision: str) -> float:
        return float(self._page.call("cache_in_page", "warm", root_url=self._root, revision=revision))

    def _peer(self, source: str, url: str) -> float:
        return float(self._page.tab.evaluate(source, url))


def measure(page: BenchPage, hub: FaultyHub, root: str) -> dict[str, object]:
    """Measure all figures of one browser."""
    bench = Bench(page, hub, root)
    # Memory comes first, because later the page reuses memory that it has allocated.
    results: dict[str, object] = {"memory, MiB": bench.memory("200MB")}
    results |= {name: bench.size(name.replace(" ", "")) for name in SIZES}
    lists = page.call("cache_in_page", "lists", numbers=[100, 1_000, 10_000])
    results["lists, us per file"] = {
        number: {name: round(value, 1) for name, value in times.items()} for number, times in lists.items()
    }
    return results


def main(browsers: list[str]) -> None:
    """Measure in these browsers, or in both."""
    bytes_of = random.Random(1).randbytes  # noqa: S311  bytes that no disk compresses
    hub = FaultyHub({f"/org/model/{name.replace(' ', '')}/model.onnx": bytes_of(size) for name, size in SIZES.items()})
    results = {}
    with RunningServer(hub) as server, pyodide_server() as site, playwright() as driver:
        for name in browsers or ["chromium", "firefox"]:
            with tempfile.TemporaryDirectory() as profile:
                context = open_profile(driver, name, Path(profile))
                results[name] = measure(BenchPage(context, site.url, "cache_in_page.py"), hub, server.url)
                context.close()
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
