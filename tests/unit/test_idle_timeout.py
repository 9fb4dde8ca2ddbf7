"""Bodies without a byte for too long, and slow ones, by the clock of the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from modelden.core.response_body import read_text
from modelden.engine.options import PipelineOptions
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError, NetworkError
from modelden.host.serve.server import Application, RunningServer
from tests.faults.hub import Fault, FaultyHub
from tests.simulators.engines import ScriptedEngines
from tests.simulators.profile import Profile
from tests.simulators.slow_bodies import SlowBodyFetcher
from tests.unit.conftest import FILES, configured

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)
BODY = bytes(range(256)) * 1000

LIMIT = 30
"""Seconds, of which none is waited for."""


class StandingStill:
    """An application of which some answers never get over their first bytes."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.path = ""

    def delay(self, path: str, received: int) -> float:
        return LIMIT + 1 if received and self._stands(path) else 0

    def _stands(self, path: str) -> bool:
        return bool(self.path) and fnmatchcase(path, self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def beginning(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            await send({**message, "body": message["body"][:10], "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass

        stands = scope["type"] == "http" and self._stands(scope["path"])
        await self._app(scope, receive, beginning if stands else send)


@pytest.fixture
async def still(application: Application, bundle: Bundle) -> AsyncIterator[tuple[StandingStill, Profile]]:
    app = StandingStill(application)
    with RunningServer(app) as server:
        config = replace(configured(application, server.url), idle_timeout=LIMIT)
        profile = Profile(config, SlowBodyFetcher(app.delay), bundle, ScriptedEngines(list(FILES)))
        yield app, profile
        await profile.close()


@pytest.mark.parametrize("path", ["*/changeset", "*.chain", "/attachments/*"])
async def test_no_part_of_the_settings_is_waited_for_for_ever(still: tuple[StandingStill, Profile], path: str) -> None:
    app, profile = still
    app.path = path
    with pytest.raises(ModelDenError, match=f"(not a byte came for|within) {LIMIT} s"):
        await profile.visit().create_engine(EMBED)

    app.path = ""
    await (await profile.visit().create_engine(EMBED)).close()


async def test_a_body_that_moves_is_read_however_long_it_takes() -> None:
    hub = FaultyHub({"/file": BODY})
    fetcher = SlowBodyFetcher(lambda _path, _received: LIMIT - 1)
    fetcher.idle_timeout = LIMIT
    with RunningServer(hub) as server:
        async with fetcher.fetch(f"{server.url}/file") as response:
            assert b"".join([part async for chunk in response.chunks() for part in chunk.buffers()]) == BODY
        hub.next(Fault(stall_after=1000))
        fetcher.delay = lambda _path, received: LIMIT + 1 if received == 1000 else 0
        with pytest.raises(NetworkError, match="not a byte"):
            async with fetcher.fetch(f"{server.url}/file") as response:
                await read_text(response, response.url, len(BODY))
    await fetcher.close()


async def test_a_body_that_only_drips_is_given_up_after_a_minute() -> None:
    fetcher = SlowBodyFetcher(lambda _path, _received: LIMIT - 1, piece=1000)
    slow = r"only 3000 bytes came in \d+ s, fewer than 1024 a second"
    with RunningServer(FaultyHub({"/file": BODY})) as server, pytest.raises(NetworkError, match=slow):
        async with fetcher.fetch(f"{server.url}/file") as response:
            await read_text(response, response.url, len(BODY))
    await fetcher.close()


async def test_time_in_which_nobody_reads_is_not_the_bodys() -> None:
    fetcher = SlowBodyFetcher(lambda _path, _received: 0, piece=1000)
    with RunningServer(FaultyHub({"/file": BODY[:3000]})) as server:
        async with fetcher.fetch(f"{server.url}/file") as response:
            async for _ in response.chunks():
                fetcher.clock.advance(3600)
    await fetcher.close()
