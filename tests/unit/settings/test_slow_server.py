"""A server whose answers never stand still and never end: nobody waits for more than half a minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from modelden.errors import RequestTimeout
from modelden.host.serve.server import RunningServer
from tests.simulators.engines import ScriptedEngines
from tests.simulators.profile import Profile
from tests.simulators.slow_bodies import SlowBodyFetcher
from tests.unit.conftest import FILES, configured

if TYPE_CHECKING:
    from modelden.engine.runtime_selection import Bundle
    from modelden.host.serve.server import Application

OPTIONS, RUNTIMES = "ml-inference-options", "ml-onnx-runtime"


class Dripping:
    """A profile whose server is slow, but never so slow that a connection counts as idle."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.path = ""

    def delay(self, path: str, _received: int) -> float:
        return 31 if fnmatchcase(path, self.path) else 0

    async def read(self, *names: str) -> list[int]:
        """The number of records that a new visit reads of each collection."""
        client = (await self.profile.visit().settings()).client
        return [len(await client.get(name)) for name in names]


@pytest.fixture
async def dripping(application: Application, bundle: Bundle) -> AsyncIterator[Dripping]:
    with RunningServer(application) as server:
        config = replace(configured(application, server.url), idle_timeout=60)
        fetcher = SlowBodyFetcher(lambda _path, _received: 0)
        made = Dripping(Profile(config, fetcher, bundle, ScriptedEngines(list(FILES))))
        fetcher.delay = made.delay
        yield made
        await made.profile.close()


PARTS = ["/v1/buckets/monitor/*", "/v1/buckets/main/*", "/chains/*"]


@pytest.mark.parametrize("path", PARTS)
async def test_a_first_visit_ends_with_an_error(dripping: Dripping, path: str) -> None:
    dripping.path = path
    with pytest.raises(RequestTimeout, match="within 30 s"):
        await dripping.read(OPTIONS)

    dripping.path = ""
    assert await dripping.read(OPTIONS) == [2]


async def test_a_root_page_that_never_ends_is_done_without(dripping: Dripping) -> None:
    dripping.path = "/v1/"

    assert await dripping.read(OPTIONS) == [2]


@pytest.mark.parametrize("path", [*PARTS, "*"])
async def test_a_later_visit_uses_what_is_stored_and_asks_once(
    dripping: Dripping, application: Application, path: str
) -> None:
    await dripping.read(OPTIONS, RUNTIMES)
    for name in (OPTIONS, RUNTIMES):
        application.collections["main", name].publish({"id": "new"})
    dripping.profile.clock.advance(hours=25)
    dripping.path = path
    start, _ = asyncio.get_running_loop().time(), dripping.profile.requests()

    assert await dripping.read(OPTIONS, RUNTIMES) == [2, 1]

    assert asyncio.get_running_loop().time() - start < 70  # simulated: one answer, and the last pause of another one
    assert not any(RUNTIMES in request for request in dripping.profile.requests())
    dripping.path = ""
    dripping.profile.clock.advance(hours=0.1)
    assert await dripping.read(OPTIONS, RUNTIMES) == [3, 2]
