"""Downloads in real browsers: cut, killed, shared among tabs. The hub goes wrong, nothing else is pretended."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from modelden.host.serve.server import RunningServer
from tests.faults.hub import PIECE, Fault, FaultyHub
from tests.onnx_bodies import onnx_body
from tests.pyodide.browser_page import assert_whole_files
from tests.pyodide.halted import CHUNK, first_byte, kept_at_limit
from tests.pyodide.tabs import another, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page as Tab

    from tests.pyodide.browser_page import Page

BODY = onnx_body(32_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
PATH = "/org/model/v1/model.onnx"
WANTED = {"model": "org/model", "revision": "v1", "file": "model.onnx"}
MOVED = "/moved/model.onnx"
JSON = {**WANTED, "file": "config.json"}


@pytest.fixture
def hub() -> FaultyHub:
    return FaultyHub({PATH: BODY, MOVED: BODY, "/org/model/v1/config.json": b"{}", "/org/other/v1/config.json": b"[]"})


@pytest.fixture
def root(hub: FaultyHub) -> Iterator[str]:
    with RunningServer(hub) as server:
        yield server.url


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_cut_download_goes_on(page: Page, hub: FaultyHub, root: str, share: float) -> None:
    hub.next(Fault(cut_after=int(len(BODY) * share)))

    got = page.call("get_file", root_url=root, **WANTED)
    assert (got["error"], got["size"], got["sha256"], got["foreign"]) == (None, len(BODY), SHA256, [])
    assert got["integrity"] == "hub"
    assert hub.served(PATH) <= len(BODY) + CHUNK
    assert_whole_files(page.stored()["modelFiles"])


def test_a_browser_that_is_offline_says_so(page: Page, hub: FaultyHub, root: str) -> None:
    context = page.tab.context
    context.set_offline(True)
    try:
        error = page.call("get_file", root_url=root, **WANTED)["error"]
    finally:
        context.set_offline(False)
    assert error["name"] == "Offline"
    assert "NetworkError" in error["bases"]
    assert "the browser is offline" in error["message"]
    assert hub.log == []

    # Without that word only the hint is left: a page is not told why there was no answer.
    hub.next(*[Fault(cors=False)] * 4)
    error = page.call("get_file", root_url=root, **WANTED)["error"]
    assert error["name"] == "NetworkError"
    assert "Access-Control-Allow-Origin" in error["message"]


_SPY_ON_READERS = """
    const { prototype } = ReadableStreamBYOBReader;
    const { releaseLock } = prototype;
    globalThis.letGo = 0;
    prototype.releaseLock = function () {
        letGo += 1;
        return releaseLock.call(this);
    };
"""


def test_what_came_is_handed_on_when_a_fast_line_becomes_slow(page: Page, hub: FaultyHub, root: str) -> None:
    """Fast lines are waited for; a slow one must not look as if nothing came from it for so long."""
    page.runner.run_js(_SPY_ON_READERS)
    hub.limit = 0
    page.call("begin_file", root_url=root, **WANTED)
    for _ in range(4):
        before = page.tab.evaluate("letGo")
        hub.limit += len(BODY) // 6 + 65_536
        page.until(lambda: hub.at_limit(PATH), "the hub has sent what it may")
        stop = hub.served(PATH)
        while page.call("bytes_so_far") < stop:
            page.until(lambda: page.tab.evaluate("letGo") > before, "the page does not wait for more")  # noqa: B023  called before the loop goes on
            hub.limit += PIECE
            page.until(lambda: page.call("bytes_so_far") >= stop, "what came was handed on")  # noqa: B023  called before the loop goes on
    hub.limit = None

    got = page.call("end_file")
    assert (got["error"], got["sha256"]) == (None, SHA256)
    assert hub.asked() == [PATH]
    assert page.tab.evaluate("letGo") > 0


FAULTS = {
    "stalled, then gone": (Fault(stall_after=5_000_000), None),
    "web page": (Fault(html=True), "IntegrityError"),
    "404": (Fault(status=404), "FileNotFoundOnHub"),
    "403": (Fault(status=403), "HttpError"),
    "429": (Fault(status=429, retry_after=0), None),
    "503": (Fault(status=503), None),
    "announced too much": (Fault(announce=1_000), None),
    "announced too little": (Fault(announce=-1_000), "IntegrityError"),
    "compressed": (Fault(gzip=True), None),
    "without a length": (Fault(chunked=True), None),
    "without a tag": (Fault(etag=""), None),
    "another hash": (Fault(linked_etag='"' + "0" * 64 + '"'), "IntegrityError"),
    "changed bytes": (Fault(body=BODY[::-1]), "IntegrityError"),
    "no CORS": (Fault(cors=False), None),
    "headers hidden": (Fault(expose=False), None),
    "redirect": (Fault(redirect=MOVED), None),
    "redirect to nothing": (Fault(redirect="/nowhere"), "FileNotFoundOnHub"),
    "broken JSON": (Fault(body=b'{"model_type": "be'), "IntegrityError"),
    "closed": (Fault(close=True), None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_leaves_anything_behind_and_the_next_try_works(
    hasty_page: Page, hub: FaultyHub, root: str, fault: str
) -> None:
    page = hasty_page
    page.trace_proxies()
    page.call("configure", config={"idle_timeout": 2})
    page.call("get_file", root_url=root, **JSON | {"model": "org/other"})  # what any download needs is in memory now
    proxies, js_objects, heap = page.proxies(), page.js_objects(), page.heap()
    rule, error = FAULTS[fault]
    wanted = JSON if "JSON" in fault else WANTED
    hub.next(rule)

    got = page.call("get_file", root_url=root, **wanted)
    assert (got["error"] and got["error"]["name"]) == error, got
    stored = page.stored()["modelFiles"]
    assert_whole_files(stored)
    assert wanted["file"] in [row["file"] for row in stored["headers"]] or error is not None
    assert len(stored["headers"]) == (2 if error is None else 1)
    got = page.call("get_file", root_url=root, **wanted)
    assert got["error"] is None
    assert got["sha256"] == hashlib.sha256(hub.files[f"/org/model/v1/{wanted['file']}"]).hexdigest()
    page.until(lambda: page.proxies() <= proxies, f"JavaScript holds {proxies} of Python's objects again")
    page.until(lambda: page.js_objects() <= js_objects, f"Python holds {js_objects} of JavaScript's objects again")
    assert page.heap() - heap < len(BODY) / 2
    page.call("configure", config={})


RESUMES = {
    "range ignored": Fault(ignore_range=True),
    "range hidden": Fault(content_range=""),
    "another range": Fault(content_range=f"bytes 7-{len(BODY) - 1}/{len(BODY)}"),
    "416": Fault(status=416),
    "other bytes": Fault(body=bytes(len(BODY))),
}


@pytest.mark.parametrize("fault", RESUMES)
def test_a_rest_that_is_not_the_rest_is_not_appended(page: Page, hub: FaultyHub, root: str, fault: str) -> None:
    hub.next(Fault(cut_after=20_000_000), RESUMES[fault])

    got = page.call("get_file", root_url=root, **WANTED)
    assert (got["error"], got["sha256"]) == (None, SHA256)
    assert_whole_files(page.stored()["modelFiles"])


def test_a_refused_preflight_costs_the_beginning_and_nothing_else(page: Page, hub: FaultyHub, root: str) -> None:
    hub.next(Fault(cut_after=20_000_000))
    hub.preflight = False

    got = page.call("get_file", root_url=root, **WANTED)
    assert (got["error"], got["sha256"]) == (None, SHA256)


def test_a_killed_tab_costs_a_chunk_at_most(page: Page, hub: FaultyHub, root: str) -> None:
    starts = [0]
    for goal in (8_000_000, 20_000_000, 36_000_000):
        hub.limit = goal
        with another(page) as tab:
            begin(tab, root)
            starts.append(kept_at_limit(page, hub, PATH))
        page.until(lambda: hub.last(PATH).left, "the hub knows that the tab is gone")
    hub.limit = None

    got = page.call("get_file", root_url=root, **WANTED)
    assert (got["error"], got["sha256"]) == (None, SHA256)
    assert [first_byte(request) for request in hub.log if request.method == "GET"] == starts
    assert sorted(set(starts)) == starts, "a visit left nothing behind"
    assert_whole_files(page.stored()["modelFiles"])


def test_cancelling_does_not_wait_for_a_server_and_keeps_what_came(page: Page, hub: FaultyHub, root: str) -> None:
    page.call("configure", config={"idle_timeout": 600})
    hub.next(Fault(stall_after=8_000_000))  # until the browser goes
    page.call("begin_file", root_url=root, **WANTED)
    page.until(lambda: page.stored()["modelFiles"]["partials"] != [], "some of it is stored", seconds=180)

    assert page.call("cancel_file") == "cancelled"
    assert hub.client_disconnect.wait(120), "the browser went on downloading"
    (partial,) = page.stored()["modelFiles"]["partials"]
    assert_whole_files(page.stored()["modelFiles"])

    got = page.call("get_file", root_url=root, **WANTED)
    assert (got["error"], got["sha256"]) == (None, SHA256)
    assert hub.asked() == [PATH, f"{PATH} bytes={partial['received']}-"]
    page.call("configure", config={})


def test_of_two_tabs_one_downloads_for_both(page: Page, hub: FaultyHub, root: str) -> None:
    hub.rate = 20_000_000
    with another(page) as tab:
        begin(tab, root)
        page.until(lambda: hub.served(PATH) > 0, "the other tab downloads")
        got = page.call("get_file", root_url=root, **WANTED)
        assert (got["error"], got["sha256"]) == (None, SHA256)
        other = call(tab, "end_file")
    assert (other["error"], other["sha256"]) == (None, SHA256)
    assert hub.served(PATH) == len(BODY)


def test_when_the_tab_that_downloads_is_closed_another_goes_on(page: Page, hub: FaultyHub, root: str) -> None:
    hub.limit = len(BODY) // 2
    with another(page) as tab:
        begin(tab, root)
        page.until(lambda: hub.served(PATH) > 0, "the other tab downloads")
        page.call("begin_file", root_url=root, **WANTED)
        kept = kept_at_limit(page, hub, PATH)
    hub.limit = None
    got = page.call("end_file")
    assert (got["error"], got["sha256"]) == (None, SHA256)
    assert first_byte(hub.last(PATH)) == kept


def begin(tab: Tab, root: str) -> None:
    call(tab, "begin_file", root_url=root, **WANTED)
