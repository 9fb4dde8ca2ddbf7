"""Opening databases when things go otherwise: given up half-way, or held open by somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page

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
        told = page.runner.run_async(_OPEN.format(name="held") + "json.dumps(await use())")
        assert "Another tab keeps an earlier version of the database held open: close" in told
    finally:
        page.runner.run_js("holder.close()")

    assert page.runner.run_async(_OPEN.format(name="held") + "json.dumps(await use())") == '[{"id": "a"}]'
