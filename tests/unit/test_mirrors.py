"""A mirror is asked for what the hub does not give, where the hub itself has told the hash, by whatever way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from modelden.errors import HttpError, IntegrityError
from modelden.host.serve.server import RunningServer
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.policy import HubPolicy
from tests.faults.hub import Fault, FaultyHub
from tests.unit.test_downloads import BIG, FILES, PATH, WEIGHTS, Browser, browser

__all__ = ["browser"]

MAIN = ModelFile("org/model", "main", "config.json")
TREE = "/api/models/org/model/tree/v1"
SHA256 = hashlib.sha256(BIG).hexdigest()
DOWN = [Fault(status=503)] * 4
"""As often as a download is tried."""


@pytest.fixture
def mirror() -> Iterator[FaultyHub]:
    hub = FaultyHub(dict(FILES))
    with RunningServer(hub) as server:
        hub.files["url"] = server.url.encode()
        yield hub


def rules(mirror: FaultyHub) -> HubPolicy:
    return HubPolicy(mirrors=(HubAddress(mirror.files["url"].decode(), "{model}/{revision}"),))


async def test_an_answer_that_broke_off_told_it(browser: Browser, mirror: FaultyHub) -> None:
    browser.hub.next(Fault(cut_after=len(BIG) // 2), *DOWN)
    kept = await browser.get(policy=rules(mirror))
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")
    assert mirror.asked() == [PATH]
    assert TREE not in browser.hub.asked()


async def test_an_answer_with_wrong_bytes_told_it(browser: Browser, mirror: FaultyHub) -> None:
    browser.hub.next(Fault(body=bytes(len(BIG))))
    assert await (await browser.get(policy=rules(mirror))).blob.read() == BIG


async def test_the_head_of_a_branch_told_it(browser: Browser, mirror: FaultyHub) -> None:
    await browser.get(MAIN)
    browser.hub.files["/org/model/main/config.json"] = mirror.files["/org/model/main/config.json"] = b'{"new": true}'
    browser.hub.next(*DOWN)
    kept = await browser.get(MAIN, rules(mirror))
    assert (await kept.blob.read(), kept.integrity) == (b'{"new": true}', "hub")
    assert mirror.asked() == ["/org/model/main/config.json"]


async def test_the_list_of_the_repository_tells_it(browser: Browser, mirror: FaultyHub) -> None:
    listed = [{"type": "file", "path": WEIGHTS.file, "size": len(BIG), "lfs": {"oid": SHA256}}]
    browser.hub.files[TREE] = json.dumps(listed).encode()
    browser.hub.next(*DOWN)
    kept = await browser.get(policy=rules(mirror))
    assert (await kept.blob.read(), kept.integrity) == (BIG, "hub")
    assert browser.hub.asked() == [*[PATH] * len(DOWN), TREE]


async def test_other_bytes_of_a_mirror_are_refused(browser: Browser, mirror: FaultyHub) -> None:
    mirror.files[PATH] = BIG[::-1]
    browser.hub.next(Fault(cut_after=len(BIG) // 2), *DOWN)
    with pytest.raises(IntegrityError, match=SHA256):
        await browser.get(policy=rules(mirror))
    assert "files" not in browser.stored()


async def test_nobody_told_it(browser: Browser, mirror: FaultyHub) -> None:
    browser.hub.next(*DOWN)
    with pytest.raises(HttpError, match="answered 503"):
        await browser.get(policy=rules(mirror))
    assert mirror.log == []
