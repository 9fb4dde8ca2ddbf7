"""`modelden.doctor` in real pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site


@pytest.mark.console("No available adapters")  # Chromium's answer to the question for a GPU
def test_an_ordinary_page_can_run_models(everywhere: Page, site: Site) -> None:
    findings = {finding[0]: finding for finding in everywhere.call("diagnose", config=site.config)}

    assert {name for name, finding in findings.items() if finding[1] == "failed"} == set()
    assert findings["settings"][1] == findings["hub"][1] == findings["workers"][1] == "ok"
    assert findings["Pyodide"][2].startswith("314.")
    assert findings["threads"][1] == "limited"  # the page's server sends no headers for isolation
