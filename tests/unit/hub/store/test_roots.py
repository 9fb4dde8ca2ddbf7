"""Two hubs of one host, with models of one name: another path of one server, so that only the root tells them apart."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from modelden.errors import CacheSizeExceeded, ForbiddenURL
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile, canonical_root
from modelden.hub.files import HubFiles
from modelden.hub.policy import StoragePolicy
from modelden.hub.store.partials import download_lock
from modelden.hub.store.quota import GIB
from modelden.hub.store.usage import use_lock
from tests.faults.hub import Fault
from tests.unit.hub.browser import CONFIG, USE, Browser

NAME = "localhost/org/model"
LIVE_BODY, STAGING_BODY = b'{"hub": "live"}', b'{"hub": "staging"}'
EVERYTHING = AllowList((), ())


class Hubs(NamedTuple):
    """Both hubs, each with the file stored."""

    live: HubFiles
    staging: HubFiles


@pytest.fixture
async def hubs(browser: Browser) -> Hubs:
    browser.hub.always = Fault(etag='"same"')  # tags of two hubs have nothing in common
    browser.hub.files["/org/model/v1/config.json"] = LIVE_BODY
    browser.hub.files["/staging/org/model/v1/config.json"] = STAGING_BODY
    root = browser.root
    browser.root = f"{root}/staging"
    staging = await browser.visit()
    await staging.get(CONFIG, USE, EVERYTHING)
    browser.root = root
    live = await browser.visit()
    await live.get(CONFIG, USE, EVERYTHING)
    return Hubs(live, staging)


async def bodies(hubs: Hubs) -> list[bytes | None]:
    """The stored bytes of the live and of the staging hub."""
    found = [(await hub.get_stored([CONFIG], USE, EVERYTHING)).get(CONFIG) for hub in hubs]
    return [None if file is None else await file.blob.read() for file in found]


async def test_each_is_served_its_own_file(browser: Browser, hubs: Hubs) -> None:
    assert browser.hub.asked() == ["/staging/org/model/v1/config.json", "/org/model/v1/config.json"]
    assert await bodies(hubs) == [LIVE_BODY, STAGING_BODY]
    models = await hubs.live.store.list_models()
    assert [(model.name, model.root_url) for model in models] == [
        (NAME, f"{browser.root}/"),
        (NAME, f"{browser.root}/staging/"),
    ]
    assert len(await hubs.live.store.list_files(NAME, "v1")) == 2


async def test_one_is_deleted_and_verified_without_the_other(hubs: Hubs) -> None:
    root = hubs.staging.key(CONFIG).root
    assert [file.root_url for file in await hubs.live.store.verify(NAME, "v1", root)] == [root]
    await hubs.live.store.delete_models(model=NAME, revision="v1", root=root)
    assert await bodies(hubs) == [LIVE_BODY, None]


async def test_without_a_root_both_are_deleted(hubs: Hubs) -> None:
    await hubs.live.store.delete_models(model=NAME, revision="v1")
    assert await bodies(hubs) == [None, None]


async def test_what_one_denies_stays_with_the_other(browser: Browser, hubs: Hubs) -> None:
    denied = AllowList(("",), (f"{browser.root}/staging/org/",))
    with pytest.raises(ForbiddenURL):
        await hubs.staging.get(CONFIG, USE, denied)
    assert await bodies(hubs) == [LIVE_BODY, None]


async def test_a_missing_file_of_one_is_none_of_the_other(hubs: Hubs) -> None:
    await hubs.staging.remember_missing([CONFIG])
    assert not await hubs.live.store.missing.is_missing(hubs.live.key(CONFIG))
    assert await hubs.live.store.missing.is_missing(hubs.staging.key(CONFIG))


async def test_their_locks_are_two(hubs: Hubs) -> None:
    keys = [hub.key(CONFIG) for hub in hubs]
    assert len({download_lock(key.id) for key in keys}) == len({use_lock(key.revision_key) for key in keys}) == 2


async def test_a_pin_is_of_one_or_of_both(browser: Browser, hubs: Hubs) -> None:
    body = browser.hub.files["/org/new/v1/config.json"] = b'{"hub": "live", "new": 1}'
    limit = len(LIVE_BODY) + len(STAGING_BODY) + len(body) - 1
    hub = await browser.visit(limits=StoragePolicy(max_size=limit / GIB, evict=True))
    new = ModelFile("org/new", "v1", "config.json")
    await hub.store.pin(NAME, "v1", pinned=True)
    with pytest.raises(CacheSizeExceeded):
        await hub.get(new, USE, EVERYTHING)
    assert await bodies(hubs) == [LIVE_BODY, STAGING_BODY]

    await hub.store.pin(NAME, "v1", pinned=False)
    await hub.store.pin(NAME, "v1", hubs.live.key(CONFIG).root, pinned=True)
    await hub.get(new, USE, EVERYTHING)
    assert await bodies(hubs) == [LIVE_BODY, None]


async def test_the_last_file_of_a_name_takes_the_pin_of_all_hubs_with_it(browser: Browser, hubs: Hubs) -> None:
    store, roots = hubs.live.store, [hub.key(CONFIG).root for hub in hubs]
    await store.pin(NAME, "v1", pinned=True)
    for root, pins in zip(roots, (1, 0), strict=True):
        await store.delete_models(model=NAME, revision="v1", root=root)
        assert len(await (await browser.database()).get_all("pins")) == pins


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://hub.example", "https://hub.example/", True),
        ("https://hub.example:443/a", "HTTPS://HUB.example/a/", True),
        ("http://hub.example:80/", "http://hub.example", True),
        ("http://[::1]:8000/", "http://[::1]:8000", True),
        ("http://hub.example/", "https://hub.example/", False),
        ("https://hub.example:8443/", "https://hub.example/", False),
        ("https://hub.example/a/", "https://hub.example/A/", False),
        ("https://hub.example/a", "https://hub.example/ab", False),
        ("http://hub.example:443/", "https://hub.example/", False),
    ],
)
def test_a_root_has_one_spelling(one: str, other: str, *, is_same: bool) -> None:
    assert (canonical_root(one) == canonical_root(other)) == is_same
