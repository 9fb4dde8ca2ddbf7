"""Every task with its tiny model, from Python, equals transformers.js alone in the same browser, to the last bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modelden.engine.tasks import FIREFOX_TASKS
from tests.pyodide.servers import ROOT, StaticServer
from tests.pyodide.task_cases import CASES
from tests.tiny_models import EXTERNAL, MODELS, REVISION, model_name, task_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

HERE = ROOT / "tests/pyodide"


@pytest.fixture(scope="module")
def transformers() -> Iterator[str]:
    """Where transformers.js can be imported from."""
    with StaticServer(ROOT / "node_modules/@huggingface/transformers/dist") as served:
        yield served.url


def engine_request(name: str) -> dict[str, Any]:
    """What to ask `create_engine` for."""
    return {"task_name": task_of(name), "model_id": model_name(name), "model_revision": REVISION, "dtype": "fp32"}


def alone(page: Page, base: str, site: Site, name: str) -> Any:
    """The results of transformers.js alone."""
    hub, task = f"{site.hub.url}/hub", task_of(name)
    facts = {"base": base, "hub": hub, "task": task, "model": model_name(name), "calls": CASES[name]}
    source = (HERE / "alone.js").read_text("utf-8")
    return json.loads(page.runner.run_js(f"{source}\nreturn transformersAlone({json.dumps(facts)});"))


def test_there_are_cases_for_every_model() -> None:
    # The others are in test_firefox_tasks.py and test_external_data.py.
    assert set(CASES) == set(MODELS) - FIREFOX_TASKS - {EXTERNAL}


@pytest.mark.parametrize("name", CASES)
def test_a_task_gives_what_transformers_js_gives(task_page: Page, site: Site, transformers: str, name: str) -> None:
    results = task_page.call(
        "run_task", config=site.config, request=engine_request(name), calls=CASES[name], module="in_page_tasks"
    )

    assert results == alone(task_page, transformers, site, name)
