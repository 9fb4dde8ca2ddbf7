from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from modelden.host.serve.server import RunningServer
from modelden.hub.download import chunk_writer
from tests.faults.hub import FaultyHub
from tests.unit.hub.browser import CHUNK, FILES, Browser


@pytest.fixture
async def browser(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    # A size, not behaviour: with the real one each test would move a hundred megabytes.
    monkeypatch.setattr(chunk_writer, "CHUNK_SIZE", CHUNK)
    hub = FaultyHub(dict(FILES))
    with RunningServer(hub) as server:
        browser = Browser(hub, server.url)
        yield browser
        await browser.fetcher.close()
