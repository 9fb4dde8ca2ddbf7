"""Refusals of the browser reach Python as errors of modelden's, at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.browser_page import Page
from tests.pyodide.servers import JSEP, MODEL, REVISION, TASK

if TYPE_CHECKING:
    from tests.pyodide.runners import Runners
    from tests.pyodide.servers import Site

MODULE = "in_page_errors"

FRAME = """
const frame = document.createElement("iframe");
document.body.append(frame);
globalThis.frameLocks = frame.contentWindow.navigator.locks;
frame.remove();
"""

HOLD = """
globalThis.uncaught = [];
addEventListener("error", ({ message }) => uncaught.push(message));
globalThis.isReleased = false;
globalThis.holder = await new Promise((resolve, reject) => {
    const request = indexedDB.open("errors");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
});
const store = holder.transaction("notes", "readwrite").objectStore("notes");
const goOn = () => { if (!isReleased) store.get("a").onsuccess = goOn; };
goOn();
"""
"""A transaction that later ones wait for."""

LOST = "did not open the database errors within"
"""Of the message for an opening that never ends. Chromium at times loses the openings of a page behind cleared data."""

RELEASE = "isReleased = true; holder.close();"

ROW = {"id": "a", "n": 1}


def call(page: Page, function: str, **arguments: Any) -> Any:
    page.add_module(f"{MODULE}.py", Path(__file__).with_name(f"{MODULE}.py").read_text("utf-8"))
    return page.call(function, module=MODULE, **arguments)


@pytest.mark.parametrize("wait", [True, False])
def test_a_lock_that_is_refused_is_an_error(page: Page, *, wait: bool) -> None:
    if page.runner.browser != "chrome":
        return  # Firefox settles no promise of a frame that is gone, and refuses no other lock of a page
    page.runner.run_js(FRAME)

    name, message = call(page, "lock_of_a_removed_frame", wait=wait)

    assert name == "StorageUnavailable"
    assert "refused a lock (InvalidStateError" in message


@pytest.mark.parametrize("way", ["read", "chunks", "is_json", "decode"])
def test_a_file_that_was_removed_is_an_error_when_it_is_read(page: Page, way: str) -> None:
    name, message = call(page, "read_removed_file", way=way)

    assert name == "DataRemoved"
    assert "cannot read a file's bytes (" in message


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("read_unknown_store", "NotFoundError"),
        ("read_many_of_unknown_store", "NotFoundError"),
        ("read_unknown_index", "NotFoundError"),
        ("write_without_key", "DataError"),
    ],
)
def test_a_call_that_the_database_refuses_is_an_error(page: Page, function: str, reason: str) -> None:
    name, message = call(page, function)

    assert name == "StorageUnavailable"
    assert f"The database errors failed ({reason}" in message


def test_an_aborted_transaction_has_a_named_error(page: Page) -> None:
    assert call(page, "aborted_transaction") == ["AbortError", "the transaction was aborted"]


def test_a_commit_that_is_cancelled_before_its_turn_changes_nothing(page: Page) -> None:
    call(page, "write_one_row")
    page.runner.run_js(HOLD)
    call(page, "begin_commit")
    ended = call(page, "cancel_commit")
    page.runner.run_js(RELEASE)

    assert ended == "CancelledError"
    assert call(page, "rows") == [ROW]
    assert page.runner.run_js("return uncaught.join()") == ""


@contextmanager
def cleared_page(runners: Runners) -> Iterator[Page]:
    """A page of its own: an opening that Chromium loses makes all later ones of the page wait."""
    runner = runners.new("chrome", host="cleared.localhost")
    try:
        yield Page(runner)
    finally:
        runner.quit()


def clear_databases(page: Page, times: int) -> None:
    cdp = page.tab.context.new_cdp_session(page.tab)
    for _ in range(times):
        cdp.send("Storage.clearDataForOrigin", {"origin": page.runner.base_url, "storageTypes": "indexeddb"})


def test_a_commit_whose_connection_is_closed_begins_anew(runtime: str, runners: Runners) -> None:
    if runtime != "chrome":
        return  # nothing closes the connections of a page of Firefox from outside
    with cleared_page(runners) as page:
        call(page, "write_one_row")
        page.runner.run_js(HOLD)
        call(page, "begin_commit")
        clear_databases(page, 1)
        error = call(page, "end_commit")

        assert error is None or LOST in error[1]
        if error is None:
            assert call(page, "rows") == []  # the row of its condition was cleared


def test_an_opening_that_is_aborted_begins_anew(runtime: str, runners: Runners) -> None:
    if runtime != "chrome":
        return  # nothing closes the connections of a page of Firefox from outside
    with cleared_page(runners) as page:
        call(page, "open_repeatedly")
        clear_databases(page, 20)

        assert [error for error in call(page, "errors_of_openings") if LOST not in error[1]] == []


@pytest.mark.console("^ERROR modelden._js.model_worker: An engine's worker could not be given .*ZeroDivisionError")
def test_a_file_that_cannot_be_provided_ends_the_load_with_the_reason(page: Page, site: Site) -> None:
    options = {
        "task": TASK,
        "modelId": MODEL,
        "modelRevision": REVISION,
        "hubRootUrl": f"{site.hub.url}/hub/",
        "hubUrlTemplate": "{model}/{revision}",
        "dtype": "q8",
        "device": "wasm",
    }
    wasm_url = f"{site.settings.url}/attachments/runtime/{JSEP.name}"

    name, message = call(page, "fail_to_provide", wasm_url=wasm_url, options=options)

    assert name == "EngineError"
    assert "a fault of modelden's: ZeroDivisionError" in message
    page.is_clean()


def test_a_message_that_cannot_be_sent_is_an_error(page: Page) -> None:
    name, message = call(page, "send_what_cannot_be_sent")

    assert name == "EngineError"
    assert "DataCloneError" in message
    page.until(lambda: page.workers() == 0, "no worker is left")


def test_a_sampling_rate_that_the_browser_does_not_have_is_an_error(page: Page) -> None:
    name, message = call(page, "resample_to_one_hertz")

    assert name == "InputError"
    assert "NotSupportedError" in message
