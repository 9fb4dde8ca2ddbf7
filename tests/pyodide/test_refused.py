"""Refusals of a browser: space, storage at all, cryptography."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelden.host.serve.server import RunningServer
from tests.contracts import locks
from tests.faults.hub import Fault, FaultyHub
from tests.pyodide.browser_page import Page, PageError, assert_whole_files
from tests.pyodide.runners import INSECURE_HOST
from tests.pyodide.servers import MODEL, REVISION, WEIGHTS, Json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Frame

    from tests.pyodide.runners import Runners
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}

MEBIBYTE = 1024 * 1024

STARTS_WITHIN = 120_000
"""Milliseconds for Pyodide to start in a frame: many times what it takes a busy machine."""

_FILLER = "somebody else's"

_FILL = """
    const { quota, usage } = await navigator.storage.estimate();
    const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open("FILLER", 1);
        request.onupgradeneeded = () => request.result.createObjectStore("pieces", { autoIncrement: true });
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const piece = new Uint8Array(1024 * 1024);
    const pieces = Math.floor((quota - usage - ROOM) / piece.length);
    await new Promise((resolve, reject) => {
        const transaction = database.transaction("pieces", "readwrite");
        transaction.objectStore("pieces").put(new Blob(Array(pieces).fill(piece)));
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
    });
    database.close();
"""


class Room:
    """The quota of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._cdp = page.tab.context.new_cdp_session(page.tab) if page.runner.browser == "chrome" else None

    def leave(self, size: int) -> None:
        """Leave room for so many bytes."""
        self.give_back()
        if self._cdp:
            used = self.page.tab.evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
            self._quota(quotaSize=used + size)
        else:  # its limit is fixed, see FIREFOX_QUOTA
            self.page.runner.run_js(_FILL.replace("ROOM", str(size)).replace("FILLER", _FILLER))

    def give_back(self) -> None:
        """Undo `leave`."""
        if self._cdp:
            self._quota()
        else:
            self.page.wipe(_FILLER)

    def _quota(self, **limit: int) -> None:
        assert self._cdp
        self._cdp.send("Storage.overrideQuotaForOrigin", {"origin": self.page.runner.base_url, **limit})


@pytest.fixture
def room(runtime: str, runners: Runners) -> Iterator[Room]:
    """In a page that has stored nothing before: Chromium remembers for a while that there was more room."""
    runner = runners.new(runtime)
    yield Room(Page(runner))
    runner.quit()


def test_no_room(room: Room, demo_site: Site) -> None:
    page = room.page
    request = {"feature_id": "simple-text-embedder"}

    room.leave(10 * MEBIBYTE)
    error = page.failed_visit(demo_site.config, **request)

    assert error.name == "QuotaExceeded"
    assert "StorageError" in error.bases
    assert "remote-settings" in error.message
    assert "delete_models" in error.message
    stored = page.stored()
    assert stored["remote-settings"]["attachments"] == []
    assert stored["modelFiles"]["headers"] == []
    page.is_clean()

    room.give_back()
    page.visit(demo_site.config, ["a cat"], **request)
    page.is_clean()


def test_no_room_for_a_model(room: Room) -> None:
    page, large, small = room.page, bytes(range(256)) * 125_000, b"{}"
    hub = FaultyHub({"/org/large/v1/model.onnx": large, "/org/small/v1/config.json": small})
    with RunningServer(hub) as server:
        wanted = {"root_url": server.url, "model": "org/large", "revision": "v1", "file": "model.onnx"}
        room.leave(10 * MEBIBYTE)
        page.call("get_file", **wanted | {"model": "org/small", "file": "config.json"})
        before = page.stored()["modelFiles"]

        hub.next(Fault(stall_after=65_536))  # whoever waits for the body waits for ever
        error = page.call("get_file", **wanted)["error"]
        assert error["name"] == "QuotaExceeded"
        assert "StorageError" in error["bases"]
        assert error["facts"]["needed"] == len(large)
        assert hub.client_disconnect.wait(120)
        assert page.stored()["modelFiles"] == before

        page.call("configure", config={"memory_when_full": True})
        got = page.call("get_file", **wanted)
        assert (got["error"], got["sha256"]) == (None, hashlib.sha256(large).hexdigest())
        assert page.stored()["modelFiles"] == before

        room.give_back()
        page.call("configure", config={})
        got = page.call("get_file", **wanted)
        assert (got["error"], got["sha256"]) == (None, hashlib.sha256(large).hexdigest())
        stored = page.stored()["modelFiles"]
        assert_whole_files(stored)
        assert len(stored["headers"]) == 2


@pytest.mark.parametrize("left", [10 * MEBIBYTE, 0])
def test_an_engine_runs_without_room(room: Room, site: Site, demo_site: Site, left: int) -> None:
    page = room.page
    page.visit(site.config, **TINY)
    before = page.stored()["modelFiles"]
    room.leave(left)
    config = {**demo_site.config, "memory_when_full": True}
    outcome = page.call("visit_without_room", config=config, request={"feature_id": "simple-text-embedder"})

    assert outcome["error"] is None, outcome["error"]
    assert outcome["shape"] == [2, 384]
    assert outcome["backend"] == "memory"
    assert "no room" in outcome["refusal"]
    assert outcome["warnings"] == len(outcome["shortages"]) > 0
    for shortage in outcome["shortages"]:
        assert shortage["usage"] <= shortage["quota"]
    assert max(shortage["needed"] or 0 for shortage in outcome["shortages"]) > 20 * MEBIBYTE
    stored = page.stored()
    assert_whole_files(stored["modelFiles"])
    assert stored["modelFiles"]["partials"] == []
    for store in ("headers", "files"):
        assert [row for row in stored["modelFiles"][store] if row in before[store]] == before[store]
    assert all(row["attachment"]["blob"]["size"] for row in stored["remote-settings"]["attachments"])

    room.give_back()
    page.visit(demo_site.config, ["a cat"], feature_id="simple-text-embedder")
    page.is_clean()


def test_no_room_for_two_files_that_fit_one_by_one(room: Room) -> None:
    page, parts = room.page, {f"part-{index}.onnx": bytes([index]) * (8 * MEBIBYTE) for index in range(2)}
    listed = [{"type": "file", "path": path, "size": len(part)} for path, part in parts.items()]
    hub = FaultyHub(
        {f"/org/large/v1/{path}": part for path, part in parts.items()}
        | {"/org/small/v1/config.json": b"{}", "/api/models/org/large/tree/v1": json.dumps(listed).encode()}
    )
    with RunningServer(hub) as server:
        wanted = {"root_url": server.url, "model": "org/large", "revision": "v1"}
        room.leave(12 * MEBIBYTE)
        page.call("get_file", **wanted | {"model": "org/small", "file": "config.json"})
        before = page.stored()["modelFiles"]

        error = page.call("get_snapshot", **wanted)["error"]
        assert error["name"] == "QuotaExceeded"
        assert error["facts"]["needed"] == 16 * MEBIBYTE
        assert error["facts"]["what"] == "localhost/org/large/v1"
        assert [path for path in hub.asked() if path.endswith(".onnx")] == []
        assert page.stored()["modelFiles"] == before

        page.call("configure", config={"memory_when_full": True})
        got = page.call("get_snapshot", **wanted)
        hashes = {path: hashlib.sha256(part).hexdigest() for path, part in parts.items()}
        assert (got["error"], got.get("files")) == (None, hashes)
        assert page.stored()["modelFiles"] == before

        room.give_back()
        page.call("configure", config={})
        assert page.call("get_snapshot", **wanted)["files"] == hashes
        assert len(page.stored()["modelFiles"]["headers"]) == 3


@pytest.fixture
def sandbox(page: Page) -> Iterator[Frame]:
    """A frame with an origin of its own, to which browsers give no storage; Pyodide and modelden run in it."""
    base = page.runner.base_url
    text = (
        f'<script type="module">import {{ loadPyodide }} from "{base}/pyodide.mjs";'
        f'self.pyodide = await loadPyodide({{ indexURL: "{base}/" }});'
        'await pyodide.loadPackage("modelden"); self.ready = true;</script>'
    )
    page.tab.evaluate(
        """(text) => {
            const frame = document.createElement("iframe");
            frame.id = "sandbox";
            frame.sandbox = "allow-scripts";
            frame.srcdoc = text;
            document.body.append(frame);
        }""",
        text,
    )
    frame = page.tab.frames[-1]
    frame.wait_for_function("self.ready", timeout=STARTS_WITHIN)
    yield frame
    page.tab.evaluate("document.getElementById('sandbox').remove()")


def test_storage_that_is_refused_and_required(page: Page, site: Site, sandbox: Frame) -> None:
    error = PageError(**visit_in(sandbox, page, {**site.config, "require_storage": True})["error"])

    assert error.name == "StorageUnavailable"
    assert "SecurityError" in error.message
    assert "a sandboxed frame" in error.message
    assert site.requests() == []
    assert page.workers() == 0


def test_no_cryptography(page: Page, site: Site, runners: Runners) -> None:
    runner = runners.new(page.runner.browser, host=INSECURE_HOST)
    try:
        insecure = Page(runner)
        assert insecure.tab.evaluate("isSecureContext") is False

        error = insecure.failed_visit(site.config, **TINY)

        assert error.name == "CryptoUnavailable"
        assert "https" in error.message
        assert "localhost" in error.message
        assert all(rows == [] for rows in insecure.stored()["remote-settings"].values())
        assert insecure.workers() == 0
    finally:
        runner.quit()
    page.visit(site.config, **TINY)


def test_storage_that_is_refused_is_done_without(page: Page, site: Site, sandbox: Frame) -> None:
    wanted = {"root_url": f"{site.hub.url}/hub", "model": MODEL, "revision": REVISION, "file": WEIGHTS}
    for _ in range(2):
        got = call_in(sandbox, page, "get_file", wanted)
        assert (got["error"], got["foreign"]) == (None, [])
        assert got["sha256"] == got["noted"]

    assert site.requests() == [f"GET /hub/{MODEL}/{REVISION}/{WEIGHTS}"]


def test_an_engine_runs_where_storage_is_refused(page: Page, site: Site, sandbox: Frame) -> None:
    outcome = visit_in(sandbox, page, site.config)
    assert outcome["error"] is None, outcome["error"]
    assert outcome["shape"][0] == 2
    kept = call_in(sandbox, page, "where_it_is_kept", {"config": site.config})
    assert (kept["backend"], kept["foreign"], kept["warnings"]) == ("memory", [], ["StorageWarning"])
    assert "a sandboxed frame" in kept["refusal"]


def test_locks_that_are_refused_are_the_pages_own(page: Page, sandbox: Frame) -> None:
    sandbox.evaluate(
        """(source) => {
            pyodide.FS.mkdirTree("contracts");
            pyodide.FS.writeFile("contracts/locks.py", source);
        }""",
        Path(str(locks.__file__)).read_text("utf-8"),
    )

    for case in locks.CASES:
        call_in(sandbox, page, "keep_contract", {"subject": "locks", "case": case.__name__, "base": ""})
    assert call_in(sandbox, page, "live_page_ids", {}) is None


def visit_in(sandbox: Frame, page: Page, config: Json) -> Json:
    return call_in(sandbox, page, "visit", {"config": config, "request": TINY})


def call_in(sandbox: Frame, page: Page, function: str, arguments: Json) -> Json:
    outcome: Json = json.loads(
        sandbox.evaluate(
            """async ([source, name, text]) => {
                pyodide.FS.writeFile("in_page.py", source);
                pyodide.globals.set("text", text);
                pyodide.runPython("import in_page, json");
                return pyodide.runPythonAsync(`json.dumps(await in_page.${name}(**json.loads(text)))`);
            }""",
            [page.in_page_source, function, json.dumps(arguments)],
        )
    )
    return outcome
