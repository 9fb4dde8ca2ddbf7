"""Cost of Remote Settings for a page: syncs of 1,000 and 10,000 records by parts, first sync of the ml collections.

    python bench/settings.py chrome firefox

Everything is measured in one run of one page; ratios compare within it. Prints JSON on stdout.

"First sync of the ml collections" is `client.get` of the three, one after the other as an engine needs them, with an
empty database that is open already. It is compared with

- the network: the same requests (those that the server saw) in the same order, one at a time as each needs what the
  last one said, by a loop of JavaScript's own `fetch` and `text()`, without Python;
- one check of a signature, of a page that has made none: the worker that reads certificates started, the chain read
  and judged, one collection's canonical JSON and ECDSA.

Five times each, in turns; medians. "times the network" is (first sync - one check) / network: the most that is wanted
is 1.2. Much of the check goes on while the network is waited for, so that it may be below 1.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pages import ROOT, page_with_pyodide, report  # also makes tests/ known
from starlette.applications import Starlette
from starlette.responses import Response

from modelden.host.keys.signer import Signer
from modelden.host.publish.collections import Collections
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Fault, Faults
from modelden.host.serve.request_log import RequestLog
from modelden.host.serve.server import RunningServer, settings_routes
from tests.replay import replay_chain

ML = ("ml-inference-options", "ml-onnx-runtime", "ml-model-allow-deny-list")
SIZES = (1_000, 10_000)
DELAYS = (0, 50)
"""Milliseconds of delay before each response, since the local network has no latency."""


class Bench:
    """One server for all browsers."""

    def __init__(self) -> None:
        self.collections = Collections(Signer(replay_chain()))
        self.faults = Faults()
        self.log = RequestLog()
        for size in SIZES:
            self.collections.add("main", f"records-{size}", [record(number) for number in range(size)])
        for name in ML:
            self.collections.add("main", name, [record(number) for number in range(12)])
        routes = settings_routes(self.collections, AnyOrigin(Response(status_code=404), ()))
        self.server = RunningServer(self.log.wrap(self.faults.wrap(Starlette(routes=routes))))

    def measure(self, runner: Any) -> dict[str, Any]:
        """Measure all figures of one browser."""
        source = (ROOT / "bench/settings_in_page.py").read_text(encoding="utf-8")
        runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/settings_in_page.py', {json.dumps(source)})")
        runner.load_package("modelden")
        config = {"settings_server": f"{self.server.url}/v1", "root_hash": replay_chain().root_hash}
        sizes = {size: call(runner, "sync", config=config, name=f"records-{size}") for size in SIZES}
        small, large = (sizes[size] for size in SIZES)
        return {
            "milliseconds": {str(size): rounded(times) for size, times in sizes.items()},
            "cost of a record, 10000 against 1000": rounded({part: large[part] / small[part] / 10 for part in large}),
            "share of the first sync of 10000": rounded({part: large[part] / large["first sync"] for part in large}),
            "first sync of the ml collections": {
                f"{delay} ms": self._first_sync(runner, config, delay) for delay in DELAYS
            },
        }

    def _first_sync(self, runner: Any, config: dict[str, Any], delay: int) -> dict[str, float]:
        self.faults.set(Fault(path="*", delay_ms=delay))
        self.log.clear()
        arguments = {
            "config": config,
            "names": list(ML),
            "chain": f"{self.server.url}/chains/{replay_chain().name}.chain",
        }
        call(runner, "first_sync", urls=[], **arguments)
        paths = [entry.path for entry in self.log.entries()]
        once = list(dict.fromkeys(self.server.url + path for path in paths))
        times: dict[str, float] = call(runner, "first_sync", urls=once, **arguments)
        self.faults.set()
        return {**rounded(times), "requests": len(once)}


def record(number: int) -> dict[str, Any]:
    """Make a record of the size of Mozilla's, about 400 bytes."""
    return {
        "id": f"{number:08x}-5a47-4098-8ad7-5bb8d29e9734",
        "schema": 1_700_000_000_000 + number,
        "last_modified": 1_700_000_000_000 + number,
        "group": number % 10,
        "name": f"record number {number} - größer",
        "enabled": number % 2 == 0,
        "details": {
            "url": f"https://example.org/{number}?x=1",
            "tags": ["one", "two", str(number)],
            "weight": number * 7,
        },
        "attachment": {
            "hash": f"{number:064x}",
            "size": number,
            "filename": "model.bin",
            "location": f"main-workspace/records/{number}.bin",
            "mimetype": "application/octet-stream",
        },
    }


def call(runner: Any, function: str, **arguments: Any) -> Any:
    """Call a function of `settings_in_page`."""
    text = runner.run_async(
        "import json, settings_in_page\n"
        f"json.dumps(await settings_in_page.{function}(**json.loads({json.dumps(arguments)!r})))"
    )
    return json.loads(text)


def rounded(times: dict[str, float]) -> dict[str, float]:
    """Round to two digits."""
    return {part: round(value, 2) for part, value in times.items()}


def main(browsers: list[str]) -> None:
    """Measure in these browsers, or in both."""
    bench = Bench()

    def measure(name: str) -> dict[str, Any]:
        with page_with_pyodide(name) as runner:
            return bench.measure(runner)

    with bench.server:
        report(measure, browsers)


if __name__ == "__main__":
    main(sys.argv[1:])
