"""Files that an earlier version stored for a host: no hub of that host is served one unchecked."""

from __future__ import annotations

import pytest

from modelden.errors import FileNotFoundOnHub, NoHash
from modelden.hub.catalog.names import ModelFile
from modelden.hub.policy import HubPolicy
from modelden.hub.store.records import UNKNOWN_ROOT
from modelden.ports import Delete, Put
from tests.faults.hub import Fault
from tests.unit.hub.browser import BIG, CONFIG, FILES, PATH, WEIGHTS, Browser

OPAQUE = Fault(etag='"opaque"')


async def forget_root(browser: Browser, tag: str = "NO_ETAG") -> None:
    """Leave the stored files as an earlier version left imported ones."""
    database = await browser.database()
    changes: list[Put | Delete] = []
    for store in ("headers", "engines", "tasks", "files"):
        for row in await database.get_all(store):
            path = database.schema.stores[store].key_path
            changes.append(Delete(store, row["id"] if isinstance(path, str) else tuple(row[name] for name in path)))
            moved = {**row, "root": UNKNOWN_ROOT}
            if store == "files":
                moved |= {"id": row["id"].replace(row["root"], ""), "integrity": "first-seen", "hub": None}
            if store == "headers":
                moved["headers"] = {**row["headers"], "ETag": tag}
            changes.append(Put(store, moved))
    await database.commit(changes)
    browser.hub.log.clear()


@pytest.fixture
async def imported(browser: Browser) -> Browser:
    browser.hub.always = OPAQUE
    await browser.get()
    await forget_root(browser)
    return browser


async def test_a_hub_that_is_silent_or_does_not_have_it_claims_it_once(imported: Browser) -> None:
    del imported.hub.files[PATH]
    claimed = await imported.get()
    assert (await claimed.blob.read(), claimed.integrity) == (BIG, "first-seen")

    imported.hub.log.clear()
    assert await (await imported.get()).blob.read() == BIG
    assert imported.hub.log == []
    rows = await (await imported.database()).get_all("files")
    assert [row["root"] for row in rows] == [f"{imported.root}/"]


async def test_a_hub_with_other_bytes_is_asked_for_them(imported: Browser) -> None:
    imported.hub.files[PATH] = other = BIG[:-1] + b"?"
    assert await (await imported.get()).blob.read() == other
    assert imported.hub.asked() == [PATH]
    assert len((await imported.database()).rows["files"]) == 2  # what was imported is still there


async def test_a_tag_that_agrees_claims_it(browser: Browser) -> None:
    browser.hub.always = OPAQUE
    await browser.get()
    await forget_root(browser, '"opaque"')
    assert await (await browser.get()).blob.read() == BIG
    assert browser.hub.asked() == []


async def test_a_promised_hash_links_it(imported: Browser) -> None:
    imported.hub.always = Fault()
    assert (await imported.get()).integrity == "hub"
    assert imported.hub.asked() == []


async def test_of_two_hubs_none_claims_it_by_silence(imported: Browser) -> None:
    root = imported.root
    imported.hub.files["/other/org/model/v1/config.json"] = FILES["/org/model/v1/config.json"]
    imported.root = f"{root}/other"
    await imported.get(CONFIG)
    imported.root = root
    del imported.hub.files[PATH]
    with pytest.raises(FileNotFoundOnHub):
        await imported.get()


async def test_required_hashes_leave_it_alone(imported: Browser) -> None:
    with pytest.raises(NoHash):
        await imported.get(policy=HubPolicy(require_hashes=True))
    key = (await imported.visit()).key(WEIGHTS)._replace(root=UNKNOWN_ROOT)
    assert await (await imported.database()).get("files", key.id) is not None


async def test_a_branch_is_claimed_too(browser: Browser) -> None:
    main = ModelFile("org/model", "main", "config.json")
    browser.hub.always = OPAQUE
    await browser.get(main)
    await forget_root(browser)
    body = browser.hub.files.pop("/org/model/main/config.json")
    hub = await browser.visit()
    assert await (await browser.get(main)).blob.read() == body
    assert len(await hub.store.list_files("localhost/org/model", "main", f"{browser.root}/")) == 1
