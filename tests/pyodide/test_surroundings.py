"""One journey in each of the places where browsers give a page less than usual.

A place may need a browser of its own, so each test does all: a first visit, a second one, a raw model, what is listed
and deleted, and what `storage_info` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.contracts import locks
from tests.pyodide.console import Console, unexpected
from tests.pyodide.servers import KEPT, REVISION, StaticServer
from tests.pyodide.surroundings import SURROUNDINGS, opened
from tests.pyodide.test_onnxruntime import with_modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

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


@pytest.fixture(scope="module")
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of Pyodide. The server of pytest-pyodide answers one connection at a time, and a browser opens idle ones."""
    with StaticServer(request.config.getoption("--dist-dir")) as server:
        yield server.url.replace("localhost", "127.0.0.1")


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_journey(
    name: str, runtime: str, playwright_browsers: Browsers, base: str, tmp_path: Path, site: Site
) -> None:
    surrounding, console = SURROUNDINGS[name], Console()
    stores = surrounding.stores[runtime == "firefox"]
    with opened(playwright_browsers, runtime, surrounding, tmp_path) as context:
        console.watch(context)
        place = surrounding.open(context, base)
        config = site.config
        if "web_crypto" in surrounding.missing:
            is_refused_without_crypto(place, config)
            config |= {"verify_signatures": False}
        travel(place, config, site, stores=stores)
        info = place.call("where_it_is_kept", config=config)
        assert info["backend"] == ("indexeddb" if stores else "memory")
        missing = {capability for capability, reason in info["capabilities"].items() if reason is not None}
        assert missing - {"broadcast_channel"} == surrounding.missing | (set() if stores else FROM_STORAGE)
        if stores:
            assert info["removed"] == []
        for case in locks.CASES:
            place.call("keep_contract", subject="locks", case=case.__name__, base="")
    assert unexpected(console.take(), []) == []


def test_a_journey_in_a_worker(worker: Page, site: Site) -> None:
    travel(with_modules(worker), site.config, site, stores=True)

    info = worker.call("where_it_is_kept", config=site.config)
    assert {name: reason for name, reason in info["capabilities"].items() if reason is not None} == {}
    assert info["may_ask"] is False


def is_refused_without_crypto(place: Place, config: Json) -> None:
    """See that an error says what to do where signatures cannot be verified."""
    error = place.call("visit", config=config, request=TINY)["error"]
    assert error["name"] == "CryptoUnavailable"
    assert "https" in error["message"]
    assert "verify_signatures=False" in error["message"]


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
