"""One journey in each of the places where browsers give a page less than usual.

A browser is started for each place, so each test does all: a first visit, a second one, a raw model, what is listed and
deleted, and what `storage_info` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.contracts import locks
from tests.pyodide.servers import KEPT, REVISION
from tests.pyodide.surroundings import SURROUNDINGS, opened
from tests.pyodide.test_onnxruntime import with_modules

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from playwright.sync_api import Playwright

    from tests.pyodide.browser_page import Page
    from tests.pyodide.runners import Browsers
    from tests.pyodide.servers import Json, Site

TINY = {"feature_id": "tiny"}
RAW = {"model": "tiny/raw", "file": "onnx/external.onnx", "revision": "v1"}
FROM_STORAGE = {"web_locks", "cache", "indexeddb", "blobs"}
"""Capabilities that browsers refuse together."""


class Place(Protocol):
    """A page, a frame or a worker that runs functions of `in_page`."""

    def call(self, function: str, /, *, module: str = "in_page", **arguments: Any) -> Any:
        """Call one."""


@pytest.fixture
def playwright(playwright_browsers: Browsers) -> Playwright:
    """Starts browsers."""
    return playwright_browsers.playwright


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_journey(
    name: str,
    runtime: str,
    playwright: Playwright,
    web_server_main: tuple[str, int, Path],
    tmp_path: Path,
    site: Site,
) -> None:
    host, port, _ = web_server_main
    surrounding, config = SURROUNDINGS[name], site.config
    stores = surrounding.stores[runtime == "firefox"]
    with opened(playwright, runtime, surrounding, f"http://{host}:{port}", tmp_path) as place:
        if "web_crypto" in surrounding.missing:
            error = place.call("visit", config=config, request=TINY)["error"]
            assert error["name"] == "CryptoUnavailable"
            assert "https" in error["message"]
            assert "verify_signatures=False" in error["message"]
            config |= {"verify_signatures": False}
        travel(place, config, site, stores=stores)
        told = place.call("where_it_is_kept", config=config)
        assert told["backend"] == ("indexeddb" if stores else "memory")
        missing = {capability for capability, reason in told["capabilities"].items() if reason is not None}
        assert missing - {"broadcast_channel"} == surrounding.missing | (set() if stores else FROM_STORAGE)
        if stores:
            assert told["removed"] == []
        for case in locks.CASES:
            place.call("keep_contract", subject="locks", case=case.__name__, base="")


def test_a_journey_in_a_worker(worker: Page, site: Site) -> None:
    travel(with_modules(worker), site.config, site, stores=True)

    told = worker.call("where_it_is_kept", config=site.config)
    assert {name: reason for name, reason in told["capabilities"].items() if reason is not None} == {}
    assert told["may_ask"] is False


def travel(place: Place, config: Json, site: Site, *, stores: bool) -> None:
    """Visit twice, open a raw model, list and delete what is stored."""
    site.requests()
    for expected in (False, stores):
        outcome = place.call("visit", config=config, request=TINY)
        assert outcome["error"] is None, outcome["error"]
        assert outcome["shape"] == [2, 4]
        assert outcome["foreign"] == []
        assert (site.requests() == []) == expected
        assert [(model["name"], model["revision"]) for model in place.call("models")] == [(KEPT, REVISION)]
    assert place.call("run_hub", module="in_page_sessions", config=config, request=RAW) == [11.0, 22.0]
    for model in place.call("models"):
        place.call("delete", model=model["name"], revision=model["revision"])
    assert place.call("models") == []
