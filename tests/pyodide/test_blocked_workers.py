"""A run that does not end, and that its caller leaves, keeps no later one from its answer."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.browser_page import HERE
from tests.pyodide.servers import REVISION
from tests.tiny_models.endless import EVIL_TEXT, endless_graph, endless_template, endless_tokenizer

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

MODELS = {"test/endless-tokenizer": endless_tokenizer(), "test/endless-template": endless_template()}
TOKENIZER = {"task_name": "feature-extraction", "model_id": "test/endless-tokenizer", "model_revision": REVISION}
TEMPLATE = {
    "task_name": "text-generation",
    "model_id": "test/endless-template",
    "model_revision": REVISION,
    "dtype": "fp32",
}


@pytest.fixture
def endless_site(own_site: Site) -> Site:
    """A server with the models that do not end."""
    for model, files in MODELS.items():
        for name, data in files.items():
            path = own_site.folder / "hub" / model / REVISION / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return own_site


def call(page: Page, function: str, **arguments: Any) -> Any:
    page.add_module("in_page_runs.py", (HERE / "in_page_runs.py").read_text("utf-8"))
    return page.call(function, module="in_page_runs", **arguments)


@pytest.mark.parametrize(
    ("options", "evil", "good", "how"),
    [
        (TOKENIZER, EVIL_TEXT, "hello", "cancelled"),
        (TEMPLATE, [{"role": "user", "content": "evil"}], [{"role": "user", "content": "good"}], "timeout"),
    ],
    ids=["tokenizer", "chat template"],
)
def test_an_engine_goes_on(
    page: Page, endless_site: Site, options: dict[str, Any], evil: Any, good: Any, how: str
) -> None:
    page.spy_on_workers()
    outcome = call(
        page, "engine_after_evil", config=endless_site.config, request=options, evil=evil, good=good, how=how
    )

    end = "EngineTimeout" if how == "timeout" else "cancelled"
    assert outcome["runs"] == [[end, True, True]] * 2
    blocked = ["closed", "uninitialized", "ready"]
    # Firefox ends a regular expression that backtracks for too long by itself, at times before it is cancelled.
    ends = range(3) if evil == EVIL_TEXT else [2]
    assert outcome["statuses"] in [[*blocked * times, "closed"] for times in ends]
    assert outcome["closed"] == "EngineClosed"
    files = [request for request in endless_site.requests() if "/hub/" in request]
    assert len(files) == len(set(files)) > 3, "a model that was stored is not fetched again"
    page.until(lambda: page.workers() == 0, "no worker is left")
    page.is_clean()


def test_a_stream_goes_on(page: Page, endless_site: Site) -> None:
    evil, good = ([{"role": "user", "content": content}] for content in ("evil", "good"))

    outcome = call(page, "stream_after_evil", config=endless_site.config, request=TEMPLATE, evil=evil, good=good)

    assert outcome == ["EngineTimeout", True]


def test_a_session_goes_on(page: Page, site: Site) -> None:
    page.spy_on_workers()
    model = base64.b64encode(endless_graph()).decode()

    outcome = call(page, "session_after_evil", config=site.config, model=model)

    assert outcome == {"runs": [["cancelled", [4.0]]] * 2, "closed": "EngineClosed"}
    page.until(lambda: page.workers() == 0, "no worker is left")
