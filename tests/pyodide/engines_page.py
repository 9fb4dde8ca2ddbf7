"""Engines that live on from call to call, as tests on the host see them, and new revisions for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.pyodide.browser_page import HERE, Page
from tests.pyodide.servers import KEPT, MODEL, write_model
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from tests.pyodide.servers import Site

TINY = {"featureId": "tiny", "timeoutMS": -1}
ENGINE = "tiny-engine"

FILES = len(tiny_model("v1"))

CHANGED = [name for name, data in tiny_model("v2").items() if data != tiny_model("v1")[name]]
"""The files in which the two revisions differ."""


def publish(site: Site, revision: str, padding: int = 0) -> None:
    """The second model of the recordings becomes a new revision, in the hub and in settings."""
    write_model(site.folder, MODEL, padding, revision=revision, content="v2")
    site.collection("ml-inference-options").update("options-tiny", modelRevision=revision)
    site.requests()


class Engines:
    """Calls the functions of `engine_in_page`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_module("engine_in_page.py", (HERE / "engine_in_page.py").read_text(encoding="utf-8"))
        page.spy_on_workers()

    def call(self, function: str, /, **arguments: Any) -> Any:
        text = self.page.runner.run_async(
            "import inspect, json, engine_in_page\n"
            f"result = engine_in_page.{function}(**json.loads({json.dumps(arguments)!r}))\n"
            "json.dumps(await result if inspect.isawaitable(result) else result)"
        )
        return json.loads(text)

    def revisions(self) -> dict[str, int]:
        """Number of files kept, by revision."""
        kept: dict[str, int] = {}
        for row in self.page.stored()["modelFiles"]["headers"]:
            assert row["model"] == KEPT
            kept[row["revision"]] = kept.get(row["revision"], 0) + 1
        return kept

    def updates(self) -> list[tuple[str, str, str]]:
        return [
            (each["name"], each["detail"]["current"]["model_revision"], each["detail"]["available"]["model_revision"])
            for each in self.call("events", kind="update")
        ]
