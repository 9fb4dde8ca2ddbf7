"""A page (or a module worker) with modelden in it, as tests on the host see it."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Page as Tab
    from pytest_pyodide.runner import _BrowserBaseRunner

type Json = dict[str, Any]

HERE = Path(__file__).parent

_STORED = """
    const settled = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const hex = async (blob) => Array.from(
        new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())),
        (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
    const plain = async (value) => {
        if (value instanceof Blob) return { size: value.size, sha256: await hex(value) };
        if (Array.isArray(value)) return Promise.all(value.map(plain));
        if (value === null || typeof value !== "object") return value;
        const parts = Object.entries(value).map(async ([name, part]) => [name, await plain(part)]);
        return Object.fromEntries(await Promise.all(parts));
    };
    const found = {};
    for (const { name } of await indexedDB.databases()) {
        const database = await settled(indexedDB.open(name));
        const names = [...database.objectStoreNames];
        const transaction = names.length ? database.transaction(names) : null; // one: files may be rewritten meanwhile
        const stores = names.map(async (store) => [store, await settled(transaction.objectStore(store).getAll())]);
        found[name] = Object.fromEntries(await Promise.all(stores));
        database.close();
    }
    return JSON.stringify(await plain(found));
"""

_WIPE = """
    for (const { name } of await indexedDB.databases()) {
        if (wanted.length && !wanted.includes(name)) continue;
        await new Promise((resolve, reject) => {
            const request = indexedDB.deleteDatabase(name);
            request.onsuccess = resolve;
            request.onerror = () => reject(request.error);
        });
    }
"""

_SPY_ON_WORKERS = """
    if (!globalThis.usedWorkers) {
        const { postMessage } = Worker.prototype;
        globalThis.usedWorkers = [];
        Worker.prototype.postMessage = function (...args) {
            const earlier = usedWorkers.indexOf(this);
            if (earlier >= 0) usedWorkers.splice(earlier, 1);
            usedWorkers.push(this);
            return postMessage.apply(this, args);
        };
    }
    usedWorkers.length = 0;
"""
"""On the prototype, because modelden keeps the constructor that it found when it was first imported."""

_EMPTY: Json = {
    "modelFiles": {
        "headers": [],
        "engines": [],
        "tasks": [],
        "files": [],
        "chunks": [],
        "partials": [],
        "missing": [],
        "pins": [],
    },
    "remote-settings": {"records": [], "timestamps": [], "collections": [], "attachments": []},
}


@dataclass(frozen=True)
class PageError:
    """An error of modelden, as `in_page` tells it."""

    name: str
    bases: list[str]
    message: str
    facts: Json
    foreign: list[str]


class Page:
    """Calls the functions of `in_page` and looks at what they leave behind."""

    def __init__(self, runner: _BrowserBaseRunner) -> None:
        """Put modelden and `in_page` into the runner's Pyodide."""
        self.runner = runner
        self.in_page_source = (HERE / "in_page.py").read_text(encoding="utf-8")
        self.add_module("in_page.py", self.in_page_source)
        runner.load_package("modelden")

    @property
    def tab(self) -> Tab:
        """Playwright's page."""
        tab: Tab = self.runner.driver
        return tab

    def spy_on_workers(self) -> None:
        """From now on ``usedWorkers`` has the workers that the page sends messages to, the last one last."""
        self.runner.run_js(_SPY_ON_WORKERS)

    def add_module(self, name: str, source: str) -> None:
        """Write a module where Python finds it."""
        self.runner.run_js(
            f"""
            const [name, source] = {json.dumps([name, source])};
            const path = `/home/pyodide/${{name}}`;
            pyodide.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
            pyodide.FS.writeFile(path, source);
            """
        )

    def call(self, function: str, /, *, module: str = "in_page", **arguments: Any) -> Any:
        """Call a function of `in_page`, or of another module that was added."""
        text = self.runner.run_async(
            f"import inspect, json, {module}\n"
            f"result = {module}.{function}(**json.loads({json.dumps(arguments)!r}))\n"
            "json.dumps(await result if inspect.isawaitable(result) else result)"
        )
        return json.loads(text)

    def visit(self, config: Mapping[str, Any], texts: list[str] | None = None, /, **request: Any) -> Json:
        """Create, run and close an engine on a new visit; it has to work."""
        outcome: Json = self.call("visit", config=config, request=request, texts=texts)
        assert outcome["error"] is None, outcome["error"]["message"]
        assert outcome["foreign"] == []
        return outcome

    def failed_visit(self, config: Mapping[str, Any], /, **request: Any) -> PageError:
        """The same, but it has to fail."""
        outcome: Json = self.call("visit", config=config, request=request)
        assert outcome["error"] is not None, "the engine was created"
        return PageError(**outcome["error"])

    def error_of(self, function: str, /, **arguments: Any) -> PageError | None:
        """Call a function of `in_page` that tells an error, if there is one."""
        error: Json | None = self.call(function, **arguments)
        return PageError(**error) if error else None

    def stored(self) -> Json:
        """All rows of modelden's databases, as IndexedDB itself has them; Blobs as size and SHA-256."""
        return {**_EMPTY, **json.loads(self.runner.run_js(_STORED))}

    def wipe(self, *names: str) -> None:
        """Delete these databases, or all."""
        self.runner.run_js(f"const wanted = {json.dumps(names)};{_WIPE}")

    def proxies(self) -> int:
        """Number of Python objects that JavaScript holds, from `trace_proxies` on."""
        return int(self.runner.get_num_proxies())

    def js_objects(self) -> int:
        """Number of JavaScript's objects that Python holds, when what nobody can reach is gone."""
        return int(self.runner.run("import gc\nimport pyodide_js\ngc.collect()\npyodide_js._module._hiwire_num_refs()"))

    def trace_proxies(self) -> None:
        """Begin to count."""
        self.runner.enable_pyproxy_tracing()

    @contextmanager
    def hasty(self) -> Iterator[None]:
        """Files that were read are written anew, as one Blob, in a moment instead of in five quiet seconds."""
        idle_time = "from modelden.hub.store import compaction\ncompaction.IDLE_TIME"
        before = self.runner.run(idle_time)
        self.runner.run(f"{idle_time} = 50")
        try:
            yield
        finally:
            self.runner.run(f"{idle_time} = {before}")

    def heap(self) -> int:
        """Bytes of Python's memory, which never shrinks."""
        return int(self.runner.run_js("return pyodide._module.HEAP8.length"))

    def workers(self) -> int:
        """Number of live workers of modelden. (Those that another worker has started are not told.)"""
        return sum(worker.url.startswith("blob:") for worker in self.tab.workers)

    def is_clean(self) -> None:
        """No worker is left, and whatever is stored is whole."""
        self.until(lambda: self.workers() == 0, "no worker is left")
        stored = self.stored()
        assert_whole_files(stored["modelFiles"])
        assert_whole_settings(stored["remote-settings"])

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait for something that the browser or the server does by itself."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"after {seconds} s it was still not so that {what}"
            self.tab.wait_for_timeout(20)


def assert_whole_files(stores: Json) -> None:
    """Bytes, headers, tasks and engines know the same files, and the bytes are what the headers say."""
    chunks: dict[str, list[Json]] = {}
    for row in stores["chunks"]:
        chunks.setdefault(row["content"], []).append(row["data"])
    sizes = {_key(row): row["headers"]["fileSize"] for row in stores["headers"]}
    assert {row["id"]: sum(data["size"] for data in chunks[row["content"]]) for row in stores["files"]} == sizes
    for row in stores["files"]:
        assert len(chunks[row["content"]]) == row["chunks"]
        if row["chunks"] == 1:
            assert chunks[row["content"]][0]["sha256"] == row["sha256"]
    for row in stores["partials"]:
        assert sum(data["size"] for data in chunks[row["content"]]) == row["received"]
    assert set(chunks) == {row["content"] for row in [*stores["files"], *stores["partials"]]}
    assert {_key(row) for row in stores["tasks"]} == set(sizes)
    assert {_key(row) for row in stores["engines"]} == set(sizes)
    assert all(row["engineIds"] for row in stores["engines"])


def assert_whole_settings(stores: Json) -> None:
    """Each collection has its timestamp, each record its collection, each attachment its announced bytes."""
    names = {row["cid"] for row in stores["collections"]}
    assert {row["cid"] for row in stores["timestamps"]} == names
    assert {row["_cid"] for row in stores["records"]} <= names
    for row in stores["attachments"]:
        announced = row["attachment"]["record"]["attachment"]
        assert row["attachment"]["blob"] == {"size": announced["size"], "sha256": announced["hash"]}


def _key(row: Json) -> str:
    return f"{row['root']} {row['model']}/{row['revision'].replace('/', '%2F')}/{row['file']}"
