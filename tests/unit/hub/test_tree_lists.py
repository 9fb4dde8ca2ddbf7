"""A published tree on a static host, whose entity tags are no hashes: its lists promise them in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelden.errors import IntegrityError, NoHash
from modelden.host.serve.server import RunningServer
from modelden.host.serve.static_app import static_app
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.policy import HubPolicy
from tests.faults.hub import FaultyHub
from tests.replay import replay_chain
from tests.unit.host.publishing import MODEL, WEIGHTS, publish_tiny
from tests.unit.hub.browser import USE, Browser

STRICT = HubPolicy(require_hashes=True)
FILES = ("config.json", WEIGHTS, "tokenizer.json")
MARKER = "GET /hub/modelden.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publish_tiny(tmp_path / "tree", replay_chain(), tmp_path / "model")
    return tmp_path / "tree"


@pytest.fixture
async def browser(folder: Path) -> AsyncIterator[Browser]:
    with RunningServer(static_app(folder)) as server:
        browser = Browser(FaultyHub({}), f"{server.url}/hub")
        yield browser
        await browser.fetcher.close()


async def integrity(browser: Browser, *paths: str, policy: HubPolicy | None = None) -> list[str]:
    hub = await browser.visit(policy)
    return [(await hub.get(ModelFile(MODEL, "v1", path), USE, AllowList((), ()))).integrity for path in paths]


async def test_files_of_a_static_tree_are_checked_by_its_list(browser: Browser) -> None:
    assert await integrity(browser, *FILES, policy=STRICT) == ["hub"] * len(FILES)
    listed = [each.partition("?")[0] for each in browser.fetcher.requests if "resolve" not in each]
    assert listed.count(MARKER) == 1
    assert listed.count(f"GET /hub/api/models/{MODEL}/tree/v1") == 1


@pytest.mark.parametrize("path", FILES)
async def test_other_bytes_of_a_static_tree_are_refused(browser: Browser, folder: Path, path: str) -> None:
    file = folder / "hub" / MODEL / "v1" / path
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(IntegrityError):
        await integrity(browser, path)
    assert "files" not in browser.stored()


@pytest.mark.parametrize("facts", [None, "{}", "[]", "<!doctype html>", '{"lists": "yes"}'])
async def test_a_tree_that_says_nothing_of_lists_is_used_as_it_was(
    browser: Browser, folder: Path, facts: str | None
) -> None:
    marker = folder / "hub/modelden.json"
    marker.unlink()
    if facts is not None:
        marker.write_text(facts)
    assert await integrity(browser, "config.json") == ["first-seen"]
    with pytest.raises(NoHash):
        await integrity(browser, WEIGHTS, policy=STRICT)


async def test_a_tree_without_the_list_of_a_revision_is_used_as_it_was(browser: Browser, folder: Path) -> None:
    (folder / f"hub/api/models/{MODEL}/tree/v1").unlink()
    assert await integrity(browser, "config.json") == ["first-seen"]
