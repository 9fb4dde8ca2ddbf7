"""Loads that a browser would not survive: refused before their bytes come, or done with less the next time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.pyodide.servers import LARGE_MODEL, MODEL, REVISION, TASK, WEIGHTS
from tests.pyodide.tabs import another

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}
LARGE = {"task_name": TASK, "model_id": LARGE_MODEL, "model_revision": REVISION}


def test_a_model_that_needs_too_much_memory_does_not_come(page: Page, site: Site) -> None:
    limit = 160 * 1024 * 1024  # the runtime's, and less than four times the weights

    error = page.failed_visit({**site.config, "memory_limit": limit}, **LARGE)

    assert error.name == "NotEnoughMemory"
    assert error.facts["available"] == limit < error.facts["required"]
    assert "memory_limit" in error.message
    stored = page.stored()["modelFiles"]
    assert WEIGHTS not in [row["file"] for row in stored["headers"]]
    assert stored["partials"] == []
    page.visit(site.config, **LARGE)
    error = page.failed_visit({**site.config, "memory_limit": limit}, **LARGE)
    assert error.name == "NotEnoughMemory"  # though it is all there
    page.is_clean()


def test_after_a_load_that_ended_its_page_the_next_takes_one_thread(page: Page, site: Site) -> None:
    page.call("models")  # the databases are there
    site.stall.BEGINNING = 0
    site.stall.path = f"/hub/{MODEL}/*/tokenizer.json"
    with another(page) as tab:
        begin_visit(tab, site.config)
        page.until(lambda: bool(loads(page)), "the load has left its mark")
        ((dead, *_),) = (row["pages"] for row in loads(page))
    page.until(lambda: dead not in alive(page), "the other tab is gone")
    site.stall.path = None

    info = page.visit(site.config, **TINY, num_threads=2)["info"]

    assert info["threads"] == 1
    assert "the last load of this model ended its page" in info["threadsReason"]
    assert loads(page) == []
    page.is_clean()


def begin_visit(tab: Tab, config: dict[str, Any]) -> None:
    """Begin a visit in another tab, which does not end."""
    tab.evaluate(
        """(text) => {
            pyodide.globals.set("text", text);
            void pyodide.runPythonAsync("import in_page, json\\nawait in_page.visit(**json.loads(text))");
        }""",
        json.dumps({"config": config, "request": TINY}),
    )


def loads(page: Page) -> list[dict[str, Any]]:
    """The marks of loads under way, or that ended their pages."""
    found: list[dict[str, Any]] = page.stored().get("modelden", {}).get("loads", [])
    return found


def alive(page: Page) -> list[str]:
    """The ids of pages and workers that live."""
    names: list[str] = page.runner.run_js("return (await navigator.locks.query()).held.map(({ name }) => name)")
    return [name.removeprefix("modelden page ") for name in names]
