"""The whole way: settings, runtime, model, engine, and what is kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pyodide.servers import KEPT, MODEL, REVISION, TASK, WEIGHTS
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

HUB = f"GET /hub/{MODEL}/{REVISION}/"


def test_a_cold_visit_asks_for_each_thing_once(everywhere: Page, site: Site) -> None:
    outcome = everywhere.visit(site.config, feature_id="tiny")

    assert outcome["engine"] == ["tiny-engine", TASK, MODEL, REVISION]
    assert outcome["shape"] == [2, 4]
    assert outcome["dtype"] == "float32"
    requests = site.requests()
    assert sorted(each for each in requests if each.startswith(HUB)) == sorted(HUB + name for name in tiny_model("v1"))
    assert [each for each in requests if "/attachments/" in each] == [
        "GET /attachments/runtime/ort-wasm-simd-threaded.jsep.wasm"
    ]
    assert (
        len(requests)
        == len(set(requests)) + requests.count("GET /v1/buckets/monitor/collections/changes/changeset") - 1
    )
    everywhere.is_clean()


def test_a_warm_visit_asks_for_nothing(everywhere: Page, site: Site) -> None:
    cold = everywhere.visit(site.config, feature_id="tiny")
    site.requests()

    warm = everywhere.visit(site.config, feature_id="tiny")

    assert site.requests() == []
    assert warm["vectors"] == cold["vectors"]
    types = {event["type"] for event in warm["events"]}
    assert "loading_from_cache" in types
    assert "downloading" not in types


def test_page_and_worker_give_the_same_vectors(page: Page, worker: Page, site: Site) -> None:
    vectors = [each.visit(site.config, task_name=TASK)["vectors"] for each in (page, worker)]
    assert vectors[0] == vectors[1]


def test_what_is_kept_can_be_listed_and_deleted(everywhere: Page, site: Site) -> None:
    everywhere.visit(site.config, feature_id="tiny")

    (model,) = everywhere.call("models")

    files = tiny_model(REVISION)
    assert (model["name"], model["revision"], model["task_names"]) == (KEPT, REVISION, [TASK])
    assert model["size"] == sum(len(data) for data in files.values())
    assert {file["path"]: file["size"] for file in model["files_kept"]} == {
        name: len(data) for name, data in files.items()
    }
    assert all(file["engine_ids"] == ["tiny-engine"] for file in model["files_kept"])
    assert model["foreign"] == []

    everywhere.call("delete", model=KEPT, revision=REVISION)

    assert everywhere.call("models") == []
    assert all(rows == [] for rows in everywhere.stored()["modelFiles"].values())
    site.requests()
    everywhere.visit(site.config, feature_id="tiny")
    assert HUB + WEIGHTS in site.requests()


def test_events_tell_the_whole_story(everywhere: Page, site: Site) -> None:
    events = everywhere.visit(site.config, feature_id="tiny")["events"]

    steps = list(dict.fromkeys(event["type"] for event in events if event["status_text"] == "initiate"))
    assert steps == [
        "syncing_settings",
        "choosing_options",
        "loading_runtime",
        "starting_engine",
        "downloading",
    ]
    assert all(event["ok"] for event in events)
    weights = [event for event in events if event["id"] == site.hub_url(WEIGHTS)]
    size = len(tiny_model(REVISION)[WEIGHTS])
    assert [event["status_text"] for event in weights] == ["initiate", "size_estimate", "done"]
    assert (weights[1]["total_loaded"], weights[1]["total"], weights[1]["progress"]) == (size, size, 100)
