"""Opening databases when things go otherwise: given up half-way, or held open by somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Json, Site

_OPEN = """
import asyncio, json
from modelden._js.indexeddb import JsDatabases
from modelden.errors import StorageUnavailable
from modelden.ports import Put, Schema, Store

schema = Schema("{name}", 2, {{"notes": Store("id")}})

async def use():
    try:
        database = await JsDatabases().open(schema)
    except StorageUnavailable as error:
        return str(error)
    await database.commit([Put("notes", {{"id": "a"}})])
    return await database.get_all("notes")
"""

_HOLD = """
globalThis.holder = await new Promise((resolve, reject) => {
    const request = indexedDB.open("held", 1);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
});
"""


def test_an_opening_that_is_given_up_leaves_no_database_without_stores(page: Page) -> None:
    found = page.runner.run_async(
        _OPEN.format(name="given up")
        + """
task = asyncio.create_task(JsDatabases().open(schema))
await asyncio.sleep(0)
task.cancel()
assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
json.dumps(await use())
"""
    )

    assert found == '[{"id": "a"}]'


def test_an_upgrade_waits_for_tabs_that_let_go(page: Page) -> None:
    page.runner.run_js(_HOLD + "holder.onversionchange = () => setTimeout(() => holder.close(), 100);")

    assert page.runner.run_async(_OPEN.format(name="held") + "json.dumps(await use())") == '[{"id": "a"}]'


def test_an_upgrade_that_is_blocked_fails_in_words_and_works_afterwards(page: Page) -> None:
    page.runner.run_js(_HOLD)
    try:
        outcome = page.runner.run_async(_OPEN.format(name="held") + "json.dumps(await use())")
        assert "Another tab keeps an earlier version of the database held open: close" in outcome
    finally:
        page.runner.run_js("holder.close()")

    assert page.runner.run_async(_OPEN.format(name="held") + "json.dumps(await use())") == '[{"id": "a"}]'


def test_a_deletion_at_the_moment_of_opening_blocks_nobody(page: Page) -> None:
    found = page.runner.run_async(
        _OPEN.format(name="deleted")
        + """
import js
from modelden._js.indexeddb_transaction import wait_for_event

async def delete():
    await wait_for_event(js.indexedDB.deleteDatabase("deleted"), "success", "error")

for _ in range(30):
    await asyncio.wait_for(asyncio.gather(use(), delete(), use()), 60)
json.dumps(await use())
"""
    )

    assert found == '[{"id": "a"}]'


def test_an_opening_that_never_ends_has_a_limit(page: Page, site: Site) -> None:
    page.runner.run_js(
        _HOLD.replace("held", "modelFiles") + 'globalThis.deletion = indexedDB.deleteDatabase("modelFiles");'
    )
    limit = "from modelden._js import indexeddb_connection\nindexeddb_connection.OPEN_TIMEOUT"
    before = page.runner.run(limit)
    page.runner.run(f"{limit} = 1.0")
    try:
        page.visit(site.config, feature_id="tiny")
        outcome = page.call("where_it_is_kept", config=site.config)
        assert outcome["backend"] == "memory"
        assert "within 1 s" in outcome["refusal"]
        assert "Close this site's other tabs" in outcome["refusal"]
    finally:
        page.runner.run(f"{limit} = {before}")
        page.runner.run_js("holder.close()")

    page.visit(site.config, feature_id="tiny")
    page.is_clean()


_REFUSE_BLOBS = """
    globalThis.putBlobs = IDBObjectStore.prototype.put;
    const hasBlob = (value) => value instanceof Blob || (value instanceof Object && Object.values(value).some(hasBlob));
    IDBObjectStore.prototype.put = function (value, ...key) {
        if (hasBlob(value)) throw new DOMException("BlobURLs are not yet supported.", "DataCloneError");
        return putBlobs.call(this, value, ...key);
    };
"""
"""JavaScript. A private window of WebKit refuses Blobs alike."""


def test_buffers_are_stored_where_blobs_are_refused(page: Page, site: Site) -> None:
    page.runner.run_js(_REFUSE_BLOBS)
    try:
        page.visit(site.config, feature_id="tiny")
        outcome = page.call("where_it_is_kept", config=site.config)
        assert outcome["backend"] == "indexeddb"
        assert "refuses Blobs" in outcome["capabilities"]["blobs"]
    finally:
        page.runner.run_js("IDBObjectStore.prototype.put = putBlobs;")
    assert {data["size"] for data in stored_bytes(page)} == {None}

    site.requests()
    page.visit(site.config, feature_id="tiny")
    assert site.requests() == []
    (model,) = page.call("models")
    assert page.call("verify_model", model=model["name"], revision=model["revision"]) == [True] * model["files"]


def stored_bytes(page: Page) -> list[Json]:
    """Size of each stored Blob of models; None for a buffer."""
    return [{"size": row["data"].get("size")} for row in page.stored()["modelFiles"]["chunks"]]
