"""Other tabs of the same profile, with Python in them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.pyodide.console import LOGGING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page as Tab

    from tests.pyodide.browser_page import Page


@contextmanager
def another(page: Page) -> Iterator[Tab]:
    """Another tab of the same profile with Python in it; closed at the end, whatever it does."""
    base = page.runner.base_url
    with page.tab.context.expect_page() as opened:
        page.tab.evaluate("window.open(location.href, '_blank', 'noopener')")
    tab = opened.value
    tab.wait_for_load_state()
    tab.evaluate(
        """async ([base, source, logging]) => {
            const { loadPyodide } = await import(`${base}/pyodide.mjs`);
            self.pyodide = await loadPyodide({ indexURL: `${base}/` });
            await pyodide.loadPackage("modelden");
            pyodide.FS.writeFile("in_page.py", source);
            pyodide.runPython(logging);
        }""",
        [base, page.in_page_source, LOGGING],
    )
    try:
        yield tab
    finally:
        tab.close()


def call(tab: Tab, function: str, **arguments: Any) -> Any:
    """Call a function of `in_page` there."""
    return json.loads(_called(tab, function, arguments))


def _called(tab: Tab, function: str, arguments: dict[str, Any]) -> str:
    text: str = tab.evaluate(
        """([name, text]) => {
            pyodide.globals.set("text", text);
            return pyodide.runPythonAsync(`
import in_page, json
json.dumps(await in_page.${name}(**json.loads(text)))`);
        }""",
        [function, json.dumps(arguments)],
    )
    return text
