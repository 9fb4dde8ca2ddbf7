"""A sample of the calls with odd arguments of ``tests/unit/fuzz``, in a page and with a page's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pyodide.servers import ROOT

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

CALLS = 150

FILES = {"odd_calls.py": "tests", "odd_values.py": "tests", "in_page_fuzz.py": "tests/pyodide"}


@pytest.mark.console("^(WARNING|ERROR) ", "No available adapters")
def test_odd_calls_end_with_errors_of_modelden(page: Page, site: Site) -> None:
    for name, folder in FILES.items():
        page.add_module(name, (ROOT / folder / name).read_text("utf-8"))

    faults = page.call("odd_calls", module="in_page_fuzz", config=site.config, seed="page", number=CALLS)

    assert faults == []
    page.visit(site.config, feature_id="tiny")
    page.is_clean()
