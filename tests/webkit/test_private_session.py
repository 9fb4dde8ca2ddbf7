"""A private session of WebKit: IndexedDB refuses Blobs, so that files stay in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site


def test_an_engine_works_from_memory(private_page: Page, site: Site) -> None:
    first = private_page.visit(site.config, feature_id="tiny")
    site.requests()

    again = private_page.visit(site.config, feature_id="tiny")

    assert again["vectors"] == first["vectors"]
    assert site.requests() == []
    assert private_page.call("models")
