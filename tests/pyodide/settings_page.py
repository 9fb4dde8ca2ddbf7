"""A page that asks Remote Settings, as tests on the host see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page

type Json = dict[str, Any]

_SOURCE = Path(__file__).parent / "settings_in_page.py"


class SettingsPage:
    """Calls the functions of `settings_in_page`."""

    def __init__(self, page: Page, config: Json) -> None:
        """Put the functions into the page; ``config`` is that of its visits."""
        self.page = page
        self.config = config
        page.add_module("settings_in_page.py", _SOURCE.read_text(encoding="utf-8"))
        self.visit()

    def visit(self, **config: Any) -> None:
        """Begin anew, as after a reload: only what is stored is known."""
        self.call("configure", config={**self.config, **config})

    def call(self, function: str, /, **arguments: Any) -> Any:
        """Call a function."""
        text = self.page.runner.run_async(
            "import inspect, json, settings_in_page\n"
            f"result = settings_in_page.{function}(**json.loads({json.dumps(arguments)!r}))\n"
            "json.dumps(await result if inspect.isawaitable(result) else result)"
        )
        return json.loads(text)

    def works(self, function: str, /, **arguments: Any) -> Any:
        """Call a function that has to succeed; returns its result."""
        outcome = self.call(function, **arguments)
        assert outcome["error"] is None, outcome["message"]
        return outcome["result"]

    def fails(self, function: str, /, **arguments: Any) -> tuple[str, str]:
        """Call a function that has to fail; returns the error's class and message."""
        outcome = self.call(function, **arguments)
        assert outcome["error"] is not None, outcome["result"]
        return outcome["error"], outcome["message"]

    def stored(self) -> Json:
        """All rows of Remote Settings by store, but those of the backoff; without empty stores."""
        stores = self.page.stored()["remote-settings"]
        rows = [row for row in stores["timestamps"] if not row["cid"].startswith("modelden-")]
        found = {**stores, "timestamps": rows}
        return {name: rows for name, rows in found.items() if rows}
