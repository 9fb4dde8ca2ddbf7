"""Cancelling `create_engine` ends everything that it has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pyodide.servers import JSEP, LARGE_MODEL, REVISION, TASK, WEIGHTS

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

LARGE = {"task_name": TASK, "model_id": LARGE_MODEL, "model_revision": REVISION}


@pytest.mark.parametrize(
    ("file", "path"),
    [(WEIGHTS, f"/hub/{LARGE_MODEL}/*/{WEIGHTS}"), (JSEP.name, f"/attachments/*/{JSEP.name}")],
    ids=["model", "runtime"],
)
def test_a_download_is_stopped(everywhere: Page, site: Site, file: str, path: str) -> None:
    site.stall.path = path

    ended = everywhere.call("cancelled_visit", config=site.config, request=LARGE, at=file)

    assert ended == "cancelled"
    assert site.stall.client_disconnect.wait(120), "the browser went on downloading"
    if file == WEIGHTS:
        everywhere.until(
            lambda: everywhere.stored()["modelFiles"]["partials"] != [], "what came is kept for the next try"
        )
    everywhere.is_clean()
    stored = everywhere.stored()
    assert WEIGHTS not in [row["file"] for row in stored["modelFiles"]["headers"]]
    assert len(stored["remote-settings"]["attachments"]) == (0 if file == JSEP.name else 1)

    site.stall.path = None
    everywhere.visit(site.config, **LARGE)
    everywhere.is_clean()
