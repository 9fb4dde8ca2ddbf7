"""`modelden.onnxruntime` keeps the contract that onnxruntime keeps on CPython, in both browsers.

In a worker one case has to do: each worker that a worker starts is a risk in Firefox (see `conftest`).
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts import onnxruntime_api, onnxruntime_probes
from tests.contracts.test_onnxruntime import native_outcomes
from tests.pyodide.servers import ROOT
from tests.tiny_models.endless import endless_graph
from tests.tiny_models.raw import WEIGHTS, raw_models

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

pytestmark = pytest.mark.console(r"\[[EW]:onnxruntime")
"""Messages of onnxruntime itself about the unusual models, options and feeds of these tests."""

MODELS = {name: base64.b64encode(data).decode() for name, data in (raw_models() | {"endless": endless_graph()}).items()}


SESSIONS = 90
"""Number of sessions that are opened one after another."""


@pytest.fixture
def raw_page(page: Page) -> Page:
    """A page with what these tests call."""
    return with_modules(page)


def with_modules(page: Page) -> Page:
    """Add what these tests call."""
    for name in ("contracts/onnxruntime_api.py", "contracts/onnxruntime_probes.py", "pyodide/in_page_sessions.py"):
        page.add_module(name.partition("/")[2], (ROOT / "tests" / name).read_text("utf-8"))
    return page


def in_page(page: Page, function: str, **arguments: Any) -> Any:
    """Call a function of `in_page_sessions`."""
    return page.call(function, module="in_page_sessions", **arguments)


@pytest.mark.parametrize("case", [case.__name__ for case in onnxruntime_api.CASES])
def test_the_page_keeps_onnxruntimes_contract(raw_page: Page, site: Site, case: str) -> None:
    in_page(raw_page, "keep_contract", config=site.config, models=MODELS, case=case)

    in_page(raw_page, "collect")
    raw_page.until(lambda: raw_page.workers() == 0, "sessions that nobody has any more are closed")


def test_a_worker_keeps_it_too(worker: Page, site: Site) -> None:
    (case, *_) = onnxruntime_api.CASES
    in_page(with_modules(worker), "keep_contract", config=site.config, models=MODELS, case=case.__name__)


def test_a_model_of_the_hub_comes_with_its_files(raw_page: Page, site: Site) -> None:
    request = {"model": "tiny/raw", "file": "onnx/external.onnx", "revision": "v1"}

    assert in_page(raw_page, "run_hub", config=site.config, request=request) == [11.0, 22.0]
    requests = [each for each in site.requests() if "/hub/" in each]
    assert requests == [f"GET /hub/tiny/raw/v1/onnx/{name}" for name in ("external.onnx", WEIGHTS)]

    assert in_page(raw_page, "run_hub", config=site.config, request=request) == [11.0, 22.0]
    assert not [each for each in site.requests() if "/hub/" in each]


def test_a_model_without_its_file_is_refused_by_the_files_name(raw_page: Page, site: Site) -> None:
    request = {"model": "tiny/raw", "file": "alone/external.onnx", "revision": "v1"}

    outcome = in_page(raw_page, "refused", config=site.config, request=request)

    assert outcome["name"] == "FileNotFoundOnHub"
    assert "alone/weights.bin" in outcome["message"]


def test_many_runs_leave_nothing_behind(raw_page: Page, site: Site) -> None:
    raw_page.trace_proxies()
    for times in (3, 100):
        assert in_page(raw_page, "run_often", config=site.config, models=MODELS, times=times)
        in_page(raw_page, "collect")
        left = (raw_page.proxies(), raw_page.heap())
        if times == 3:
            before = left

    assert left[0] <= before[0]
    assert left[1] - before[1] < 20 * 2**20, "a hundred megabytes went in, and as many came out"


def test_many_sessions_leave_nothing_behind(raw_page: Page, site: Site) -> None:
    """In one worker, which an open session keeps alive."""
    in_page(raw_page, "open_one", config=site.config, models=MODELS)
    raw_page.trace_proxies()
    for times in (10, SESSIONS):
        in_page(raw_page, "open_and_close", models=MODELS, model="x-to-y", times=times, feed={"x": ["float32", [1]]})
        in_page(raw_page, "collect")
        left = (raw_page.proxies(), raw_page.js_objects(), raw_page.heap())
        if times == 10:
            before = left

    assert left[0] <= before[0]
    assert left[1] <= before[1]
    assert left[2] <= 1.1 * before[2]
    assert raw_page.workers() == 1
    assert in_page(raw_page, "close_one") == [[[2.0, 4.0]], "EngineClosed"]
    raw_page.until(lambda: raw_page.workers() == 0, "the worker ends with its last session")


def test_closed_sessions_leave_their_workers_memory(raw_page: Page, site: Site) -> None:
    """Together they have more than the 4 GB of a worker. In one browser, for the worker is the same in both."""
    if raw_page.runner.browser != "firefox":
        return
    in_page(raw_page, "open_one", config=site.config, models=MODELS)
    index = {"index": ["int64", [0]]}
    in_page(raw_page, "open_and_close", models=MODELS, model="fills-memory", times=70, feed=index)
    assert raw_page.workers() == 1
    assert in_page(raw_page, "close_one") == [[[2.0, 4.0]], "EngineClosed"]


def test_sessions_share_a_worker_whose_death_is_that_of_the_one_at_work(raw_page: Page, site: Site) -> None:
    raw_page.spy_on_workers()
    in_page(raw_page, "open_pair", config=site.config, models=MODELS)
    assert raw_page.workers() == 1

    raw_page.runner.run_js("usedWorkers.at(-1).terminate()")

    assert in_page(raw_page, "run_pair") == ["EngineCrashed", [1.0, 2.0], [1.0, 2.0]]
    raw_page.until(lambda: raw_page.workers() == 2, "the one that crashed is alone")
    in_page(raw_page, "close_all")
    raw_page.until(lambda: raw_page.workers() == 0, "the workers end with their sessions")


def test_models_come_as_paths_and_blobs_too(raw_page: Page, site: Site) -> None:
    assert in_page(raw_page, "run_ways", config=site.config, models=MODELS) == [[11.0, 22.0]] * 3


def test_numbers_that_javascript_lacks_come_in_wider_types(raw_page: Page, site: Site) -> None:
    assert in_page(raw_page, "run_narrow", config=site.config, models=MODELS) == {
        "bfloat16": ["float32", [1.0, 2.5, -3.0], [1.0, 2.5, -3.0]],
        "float8e4m3fn": ["float32", [1.0, 2.5, -3.0], [1.0, 2.5, -3.0]],
        "float8e5m2": ["float32", [1.0, 2.5, -3.0], [1.0, 2.5, -3.0]],
    }


def test_probes_have_onnxruntimes_outcomes(raw_page: Page, site: Site) -> None:
    theirs = json.loads(json.dumps(native_outcomes()))

    outcomes = in_page(raw_page, "probe", config=site.config, models=MODELS)

    different = {name for name in theirs if not onnxruntime_probes.same(theirs[name], outcomes[name])}
    assert different == set(onnxruntime_probes.DIFFERENCES) | set(onnxruntime_probes.PAGE_DIFFERENCES)


def test_a_page_imports_it_as_onnxruntime(raw_page: Page, site: Site) -> None:
    raw_page.runner.load_package("modelden-onnxruntime")

    is_ours, y, messages = in_page(raw_page, "import_by_name", config=site.config, models=MODELS)

    assert is_ours
    assert y == [1.0, 2.0]
    refused = "Unexpected input data type. Actual: (tensor(int8)) , expected: (tensor(float))"
    assert messages[:4] == [f"[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : {refused}"] * 4
    assert messages[4].startswith("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Failed to load model because protobuf")


def test_calls_that_wait_name_those_that_do_not(raw_page: Page, site: Site) -> None:
    in_page(raw_page, "open_one", config=site.config, models=MODELS)

    outcome = raw_page.runner.run("import json, in_page_sessions\njson.dumps(in_page_sessions.wait_in_a_plain_call())")

    assert [each.partition(": ")[2] for each in json.loads(outcome)] == [
        "use await InferenceSession.create(...).",
        "use await session.run_async(...).",
    ]
    assert in_page(raw_page, "close_one") == [[[2.0, 4.0]], "EngineClosed"]
