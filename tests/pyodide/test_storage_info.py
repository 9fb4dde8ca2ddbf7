"""Persistent storage: pages can ask the browser for it, workers cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site


def test_a_page_may_ask(page: Page, site: Site) -> None:
    assert page.call("where_it_is_kept", config=site.config)["may_ask"] is True


def test_a_worker_may_look_and_not_ask(worker: Page, site: Site) -> None:
    info = worker.call("where_it_is_kept", config=site.config)

    assert info["may_ask"] is False
    assert info["persisted"] in (True, False)
