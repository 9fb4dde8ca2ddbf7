"""Models that an engine uses are not evicted, as long as it lives, whichever tab it lives in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from modelden.context import Context
from modelden.core.events import ProgressEvent
from modelden.core.locks import PageLocks
from modelden.engine.options import PipelineOptions
from modelden.errors import (
    CacheSizeExceeded,
    FileNotFoundOnHub,
    StorageUnavailable,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.tab_locks import ModelLease
from modelden.hub.store.usage import Consumer
from tests.faults.hub import Fault
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN, write
from tests.unit.hub.browser import BIG, PATH, USE, WEIGHTS, Browser

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": 1000}, own_features=True)
OTHER = ModelFile("org/other", "v1.0", "onnx/model.onnx")
ROOM_FOR_ONE = 300_000 / 1024**3


@pytest.fixture
def small(profile: Profile, tree: Path) -> Profile:
    """A profile with room for one of two models, which evicts."""
    write(tree / "hub/org/other/v1.0/onnx/model.onnx", bytes(range(254)) * 1000)
    profile.config = replace(profile.config, max_cache_size=ROOM_FOR_ONE, evict=True)
    return profile


async def download_other(den: Context) -> set[str]:
    """Download the other model; returns which are kept then."""
    hub = await den.hub()
    await hub.get(OTHER, Consumer("task", "engine"), AllowList((f"{ORIGIN}/hub/",), ()))
    return {model.name for model in await hub.store.list_models()}


async def test_a_model_that_an_engine_of_another_tab_runs_stays(small: Profile) -> None:
    engine = await small.visit().create_engine(EMBED)
    other_tab = small.visit()
    with pytest.raises(CacheSizeExceeded):
        await download_other(other_tab)
    assert (await engine.run("a"))["args"] == ["a"]

    await engine.close()
    assert await download_other(other_tab) == {"localhost/org/other"}


async def test_an_idle_engine_lets_its_model_go(small: Profile) -> None:
    engine = await small.visit().create_engine(EMBED)
    small.timers.pass_time(1000)
    assert engine.status == "closed"
    assert await download_other(small.visit()) == {"localhost/org/other"}


async def test_a_crashed_engine_lets_its_model_go(small: Profile) -> None:
    await small.visit().create_engine(EMBED)
    small.engines.workers[-1].crash()
    assert await download_other(small.visit()) == {"localhost/org/other"}


async def test_an_engine_that_cannot_start_lets_its_model_go(small: Profile) -> None:
    small.engines.files = [*small.engines.files, "missing.onnx"]
    with pytest.raises(FileNotFoundOnHub):
        await small.visit().create_engine(EMBED)
    assert await download_other(small.visit()) == {"localhost/org/other"}


class RefusedLocks(PageLocks):
    """Refuses every lock, as a browser does in a frame of another site."""

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        if name.startswith("use"):
            raise StorageUnavailable(f"The lock {name} is refused; shared: {shared}.")
        yield


async def test_a_lease_whose_lock_is_refused_fails_all_who_wait() -> None:
    lease = ModelLease(RefusedLocks())
    waiters = [asyncio.ensure_future(lease.add("localhost/org/tiny", "v1.0")) for _ in range(2)]
    results = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(result) for result in results] == [StorageUnavailable] * 2
    with pytest.raises(StorageUnavailable):  # and is tried again
        await lease.add("localhost/org/tiny", "v1.0")

    lease.end()
    await lease.wait_ended()


async def test_of_two_tabs_one_downloads_and_the_other_waits(browser: Browser) -> None:
    one, other = await browser.visit(), await browser.visit()
    both = [tab.get(WEIGHTS, USE, AllowList((), ())) for tab in (one, other)]

    first, second = await asyncio.gather(*both)
    assert await first.blob.read() == await second.blob.read() == BIG
    assert browser.hub.asked() == [PATH]


async def test_when_the_tab_that_downloads_goes_another_goes_on(browser: Browser) -> None:
    browser.hub.next(Fault(stall_after=1_000_000))
    one, other = await browser.visit(), await browser.visit()
    arrived = asyncio.Event()

    def notice(event: ProgressEvent) -> None:
        if event.total_loaded == 1_000_000:
            arrived.set()

    first = asyncio.ensure_future(one.get(WEIGHTS, USE, AllowList((), ()), notice))
    await arrived.wait()
    second = asyncio.ensure_future(other.get(WEIGHTS, USE, AllowList((), ())))
    await asyncio.sleep(0)
    first.cancel()

    assert await (await second).blob.read() == BIG
    assert browser.hub.served(PATH) == len(BIG)
