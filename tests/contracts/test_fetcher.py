from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelden.host.serve.server import RunningServer
from tests.contracts.fetcher import CASES, Case
from tests.simulators.fetch_app import fetch_app
from tests.simulators.fetcher import PageFetcher


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with RunningServer(fetch_app()) as server:
        yield server.url


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_simulator_keeps_the_contract(case: Case, base: str) -> None:
    fetcher = PageFetcher()
    await case(fetcher, base)
    await fetcher.close()
