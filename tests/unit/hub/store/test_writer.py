"""A browser without space, over real connections: nothing is left, or the file stays in memory."""

from __future__ import annotations

import hashlib

import pytest

from modelden.core.events import ProgressEvent
from modelden.core.memory_database import StorageWarning
from modelden.errors import (
    QuotaExceeded,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.policy import StoragePolicy
from tests.unit.hub.browser import BIG, CHUNK, PATH, USE, WEIGHTS, Browser


async def test_a_full_disk_is_an_error_and_leaves_nothing(browser: Browser) -> None:
    (await browser.database()).full = True
    with pytest.raises(QuotaExceeded):
        await browser.get()

    assert browser.stored() == {}


async def test_a_full_disk_is_no_obstacle_where_memory_will_do(browser: Browser) -> None:
    (await browser.database()).full = True
    hub = await browser.visit(limits=StoragePolicy(memory_when_full=True))
    with pytest.warns(StorageWarning, match="from memory"):
        kept = await hub.get(WEIGHTS, USE, AllowList((), ()))

    assert await kept.blob.read() == BIG
    assert browser.stored() == {}
    again = await hub.get(WEIGHTS, USE, AllowList((), ()))
    assert await again.blob.read() == BIG
    assert browser.hub.asked() == [PATH]


async def test_a_disk_that_fills_up_half_way_is_no_obstacle_where_memory_will_do(browser: Browser) -> None:
    database = await browser.database()
    hub = await browser.visit(limits=StoragePolicy(memory_when_full=True))

    def fill(event: ProgressEvent) -> None:
        database.full = (event.total_loaded or 0) > 2 * CHUNK

    with pytest.warns(StorageWarning):
        kept = await hub.get(WEIGHTS, USE, AllowList((), ()), fill)
    assert await kept.blob.read() == BIG
    assert kept.sha256 == hashlib.sha256(BIG).hexdigest()
    assert "headers" not in browser.stored()
