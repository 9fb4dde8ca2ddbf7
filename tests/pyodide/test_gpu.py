"""WebGPU with runtime 6, and what comes in its place: in Chromium there is an adapter, in Firefox there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.browser_page import Page
from tests.pyodide.engines_page import Engines
from tests.pyodide.runners import CHROME_WITH_GPU, Runners
from tests.pyodide.servers import JSEP, RUNTIME_6, RUNTIME_6_GPU, TRANSFORMERS_6, offer_runtime_6
from tests.pyodide.test_onnxruntime import MODELS, in_page, with_modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.pyodide.servers import Site

BERT = {
    "task_name": "feature-extraction",
    "model_id": "tiny/feature-extraction",
    "model_revision": "v1",
    "dtype": "fp32",
}
NO_ADAPTER = "this browser has no WebGPU here"

SMALL, LARGE, OLD = (f"6-{RUNTIME_6.name}", f"6-{RUNTIME_6_GPU.name}", JSEP.name)


@pytest.fixture(scope="session")
def gpu_runners(
    playwright_browsers: dict[str, Browser], web_server_main: tuple[str, int, Path], request: pytest.FixtureRequest
) -> Iterator[Runners]:
    """Pages in a Chromium of their own."""
    browsers = {"chrome": playwright_browsers[CHROME_WITH_GPU]}
    started = Runners(browsers, web_server_main, request.config.getoption("--dist-dir"))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture
def has_gpu(runtime: str) -> bool:
    return runtime == "chrome"


@pytest.fixture
def page(runtime: str, runners: Runners, request: pytest.FixtureRequest, *, has_gpu: bool) -> Page:
    """A page with an adapter, in Chromium; nothing is stored."""
    pages: Runners = request.getfixturevalue("gpu_runners") if has_gpu else runners
    page = Page(pages.get(runtime, "page"))
    page.wipe()
    return page


class GpuProcess:
    """The process that computes for WebGPU; without a browser there is none."""

    def __init__(self, browser: Browser | None) -> None:
        self._browser = browser

    def crash(self) -> None:
        """Take the GPU from all that use it. The browser starts another process for those who ask again."""
        if self._browser is not None:
            self._browser.new_browser_cdp_session().send("Browser.crashGpuProcess")


@pytest.fixture
def gpu_process(request: pytest.FixtureRequest, *, has_gpu: bool) -> GpuProcess:
    return GpuProcess(request.getfixturevalue("playwright_browsers")[CHROME_WITH_GPU] if has_gpu else None)


@pytest.fixture
def both(site: Site) -> Site:
    """A site that offers runtime 5, and both files of 6."""
    offer_runtime_6(site)
    offer_runtime_6(site, RUNTIME_6_GPU)
    return site


def fetched(site: Site) -> list[str]:
    """The runtimes that were downloaded since the last call."""
    return [path.rpartition("/")[2] for path in site.requests() if "/attachments/" in path]


@pytest.mark.parametrize("device", ["gpu", "auto"])
def test_a_model_runs_on_the_gpu_as_on_wasm(page: Page, both: Site, device: str, *, has_gpu: bool) -> None:
    wasm = page.visit(both.config, **BERT, device="wasm")
    assert fetched(both) == [SMALL]
    page.wipe()

    outcome = page.visit(both.config, **BERT, device=device)

    assert fetched(both) == [LARGE if has_gpu else SMALL]
    info = outcome["info"]
    assert (info["transformers"], info["onnxruntime"]) == (TRANSFORMERS_6, wasm["info"]["onnxruntime"])
    expected = ("webgpu", None) if has_gpu else ("wasm", NO_ADAPTER)
    assert (info["device"], info["deviceReason"]) == expected
    assert wasm["info"]["deviceReason"] is None
    for ours, theirs in zip(outcome["vectors"], wasm["vectors"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    page.is_clean()


def test_raw_models_run_there_too_and_go_on_without(
    page: Page, both: Site, gpu_process: GpuProcess, *, has_gpu: bool
) -> None:
    in_page(with_modules(page), "open_on_gpu", config=both.config, models=MODELS)
    *results, providers, device, reason, version = in_page(page, "run_twice_at_once")
    assert results == [[[2.0, 4.0]]] * 2
    assert providers == ["WebGpuExecutionProvider", "CPUExecutionProvider"][0 if has_gpu else 1 :]
    assert (device, reason) == (("webgpu", None) if has_gpu else ("wasm", NO_ADAPTER))
    assert version.startswith("1.31")
    assert fetched(both) == [LARGE if has_gpu else SMALL]

    gpu_process.crash()
    page.until(lambda: not has_gpu or page.workers() == 0, "the worker without its GPU was ended")
    *again, providers, device, reason, _ = in_page(page, "run_twice_at_once")

    assert again == results
    assert (providers, device) == (["CPUExecutionProvider"], "wasm")
    assert reason.startswith("the GPU device was lost: " if has_gpu else NO_ADAPTER)
    assert fetched(both) == []
    assert page.workers() == 1
    in_page(page, "close_open")
    page.is_clean()


def test_the_file_that_is_offered_decides(page: Page, site: Site, *, has_gpu: bool) -> None:
    offer_runtime_6(site)

    info = page.visit(site.config, **BERT, device="gpu")["info"]
    assert fetched(site) == [OLD if has_gpu else SMALL], "5 has WebGPU, what is offered of 6 has not"
    assert info["deviceReason"] == (None if has_gpu else NO_ADAPTER)

    info = page.visit({**site.config, "runtime_major": 6}, **BERT, device="gpu")["info"]
    words = f"{RUNTIME_6.name}, has no WebGPU, and Remote Settings offer no {RUNTIME_6_GPU.name} of version 6"
    assert info["device"] == "wasm"
    assert (words if has_gpu else NO_ADAPTER) in info["deviceReason"]


def test_the_file_for_the_gpu_runs_on_wasm_where_there_is_no_other(page: Page, site: Site) -> None:
    offer_runtime_6(site, RUNTIME_6_GPU)
    pinned = {**site.config, "runtime_major": 6}

    outcome = page.visit(pinned, **BERT, device="wasm")
    assert (outcome["info"]["device"], fetched(site)) == ("wasm", [LARGE])
    page.visit(site.config, **BERT, device="wasm")
    assert fetched(site) == [OLD]

    page.wipe()
    offer_runtime_6(site)
    assert outcome["vectors"] == page.visit(pinned, **BERT, device="wasm")["vectors"]
    assert fetched(site) == [SMALL]


def test_another_file_of_its_name_is_refused(page: Page, site: Site) -> None:
    other: dict[str, Any] = {**site.config, "runtime_major": 6}
    offer_runtime_6(site, RUNTIME_6_GPU, b"\0asm\1\0\0\0")

    error = page.failed_visit(other, **BERT, device="gpu")

    assert error.name == "RuntimeMismatch"
    for words in (f"{RUNTIME_6_GPU.name} 6.0", "onnxruntime-web 1.31", "update modelden"):
        assert words in error.message
    assert fetched(site) == []
    page.is_clean()


def test_an_engine_goes_on_without_the_gpu_that_it_lost(
    page: Page, both: Site, gpu_process: GpuProcess, *, has_gpu: bool
) -> None:
    engines = Engines(page)
    engine_id = "on the GPU"
    asked = {"modelId": BERT["model_id"], "modelRevision": "v1", "taskName": BERT["task_name"], "dtype": "fp32"}
    engines.call("create", config=both.config, engineId=engine_id, device="gpu", timeoutMS=-1, **asked)
    before = engines.call("run", engine_id=engine_id)
    assert engines.call("info", engine_id=engine_id)["device"] == ("webgpu" if has_gpu else "wasm")
    fetched(both)
    gpu_process.crash()
    if has_gpu:
        engines.call("until_status", engine_id=engine_id, status="crashed")

    after = engines.call("run", engine_id=engine_id)

    info = engines.call("info", engine_id=engine_id)
    assert info["device"] == "wasm"
    assert info["deviceReason"].startswith("the GPU device was lost: " if has_gpu else NO_ADAPTER)
    for ours, theirs in zip(after, before, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    assert fetched(both) == []
    engines.call("close_all")
