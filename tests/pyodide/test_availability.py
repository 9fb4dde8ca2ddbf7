"""The state of a model before its download, consent, and no network, with real storage and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pyodide.browser_page import HERE
from tests.pyodide.servers import MODEL, REVISION, TASK, WEIGHTS

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

REQUEST = {"task_name": TASK, "model_id": MODEL, "model_revision": REVISION, "dtype": "q8"}
NAME = WEIGHTS.rpartition("/")[2]


def test_nothing_is_downloaded_before_consent_and_nothing_is_asked_after(page: Page, site: Site) -> None:
    page.add_module("in_page_availability.py", (HERE / "in_page_availability.py").read_text("utf-8"))

    def call(function: str, **options: Any) -> Any:
        return page.call(function, module="in_page_availability", config=site.config, **REQUEST, **options)

    assert call("state", network=False)["status"] == "downloadable"
    assert site.requests() == []
    before = call("state", network=True)
    assert (before["status"], NAME in before["missing"]) == ("downloadable", True)
    declined = call("decline")
    assert declined == {
        "errors": ["DownloadDeclined"] * 3,
        "model": MODEL,
        "origin": site.hub.url,
        "licence": None,
    }
    files = [line for line in site.requests() if line.startswith("GET") and line.endswith((".onnx", ".wasm"))]
    assert files == []

    assert call("agree") == 1
    site.requests()
    assert call("state", network=False) == {"status": "available", "missing": [], "fraction": 1.0}
    offline = call("run_offline")
    assert offline["shape"][0] == 1
    assert offline["missing"] > 0
    assert site.requests() == []
