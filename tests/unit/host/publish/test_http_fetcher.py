from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelden.errors import NetworkError
from modelden.host.publish.http_fetcher import HttpFetcher
from modelden.host.serve.server import RunningServer
from tests.contracts.fetcher import CASES, Case
from tests.simulators.fetch_app import fetch_app

ABOUT_CORS = ("headers_that_are_not_exposed_are_not_there", "an_answer_without_cors_is_a_network_error")
"""A command on the host is no page: nothing is hidden from it."""


HOST_CASES = [case for case in CASES if case.__name__ not in ABOUT_CORS]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with RunningServer(fetch_app()) as server:
        yield server.url


@pytest.mark.parametrize("case", HOST_CASES, ids=lambda case: case.__name__)
async def test_the_hosts_fetcher_keeps_the_contract(case: Case, base: str) -> None:
    async with HttpFetcher() as fetcher:
        await case(fetcher, base)


def test_two_cases_are_about_cors() -> None:
    assert len(HOST_CASES) == len(CASES) - len(ABOUT_CORS)


async def test_request_headers_are_sent(base: str) -> None:
    async with HttpFetcher() as fetcher, fetcher.fetch(f"{base}/text", headers={"Range": "bytes=0-1"}) as response:
        assert response.status == 200
        assert response.headers["access-control-allow-origin"] == "*"


async def test_a_url_that_is_none_is_a_network_error() -> None:
    async with HttpFetcher() as fetcher:
        for url in ("http://", "gopher://localhost/"):
            with pytest.raises(NetworkError):
                async with fetcher.fetch(url):
                    pass
