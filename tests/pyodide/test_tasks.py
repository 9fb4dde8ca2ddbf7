"""Every task with its tiny model, from Python, equals transformers.js alone in the same browser, to the last bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modelden.engine.tasks import FIREFOX_TASKS
from tests.pyodide.servers import PACKAGE_6, ROOT, RUNTIME_6, StaticServer, offer_runtime_6
from tests.pyodide.task_cases import CASES
from tests.tiny_models import EXTERNAL, MODELS, REVISION, model_name, task_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Json, Site

HERE = ROOT / "tests/pyodide"


FAMILIES = ("feature-extraction", "image-classification", "text-generation", "translation", "whisper")
"""One task of each kind: encoder, image, text with a cache, text from text, sound."""


@pytest.fixture(scope="module")
def transformers() -> Iterator[Json]:
    """The URLs of transformers.js 3 and of its WASM file."""
    with StaticServer(ROOT / "node_modules/@huggingface/transformers/dist") as served:
        yield {"base": served.url, "wasmPaths": f"{served.url}/"}


@pytest.fixture(scope="module")
def transformers_4() -> Iterator[Json]:
    """The same of transformers.js 4, with the WASM file that runtime 6 has."""
    with StaticServer(PACKAGE_6 / "dist") as served, StaticServer(RUNTIME_6.parent) as runtime:
        file = f"{runtime.url}/{RUNTIME_6.stem}"
        yield {"base": served.url, "wasmPaths": {"mjs": f"{file}.mjs", "wasm": f"{file}.wasm"}}


def engine_request(name: str) -> dict[str, Any]:
    """The options for `create_engine`."""
    return {"task_name": task_of(name), "model_id": model_name(name), "model_revision": REVISION, "dtype": "fp32"}


def alone(page: Page, library: Json, site: Site, name: str) -> Any:
    """The results of transformers.js alone."""
    hub, task = f"{site.hub.url}/hub", task_of(name)
    facts = {**library, "hub": hub, "task": task, "model": model_name(name), "calls": CASES[name]}
    source = (HERE / "alone.js").read_text("utf-8")
    return json.loads(page.runner.run_js(f"{source}\nreturn transformersAlone({json.dumps(facts)});"))


def results_of(page: Page, site: Site, name: str) -> Any:
    """modelden's results."""
    request = engine_request(name)
    return page.call("run_task", config=site.config, request=request, calls=CASES[name], module="in_page_tasks")


def test_there_are_cases_for_every_model() -> None:
    # The others are in test_firefox_tasks.py and test_external_data.py.
    assert set(CASES) == set(MODELS) - FIREFOX_TASKS - {EXTERNAL}


@pytest.mark.parametrize("name", CASES)
def test_a_task_gives_what_transformers_js_gives(task_page: Page, site: Site, transformers: Json, name: str) -> None:
    assert results_of(task_page, site, name) == alone(task_page, transformers, site, name)


@pytest.mark.parametrize("name", FAMILIES)
def test_with_runtime_6_it_gives_what_transformers_js_4_gives(
    task_page: Page, site: Site, transformers_4: Json, name: str
) -> None:
    offer_runtime_6(site)

    results = results_of(task_page, site, name)

    assert f"GET /attachments/runtime/6-{RUNTIME_6.name}" in site.requests()
    assert results == alone(task_page, transformers_4, site, name)


def test_each_part_of_a_model_has_its_own_data_type(task_page: Page, own_site: Site) -> None:
    folder = own_site.folder / "hub" / model_name("translation") / REVISION / "onnx"
    merged = folder / "decoder_model_merged.onnx"
    merged.rename(folder / "decoder_model_merged_q4.onnx")
    parts = {"encoder_model": "fp32", "decoder_model_merged": "q4"}
    request = {**engine_request("translation"), "dtype": parts, "device": dict.fromkeys(parts, "wasm")}

    results = task_page.call(
        "run_task", config=own_site.config, request=request, calls=CASES["translation"][:1], module="in_page_tasks"
    )

    assert results[0]
    asked = {line.rpartition("/")[2] for line in own_site.requests() if line.endswith(".onnx")}
    assert asked == {"encoder_model.onnx", "decoder_model_merged_q4.onnx"}
