"""A runtime that does not fit is not waited for forever, and a slow line is not taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.host.testing import Fault
from tests.pyodide.servers import JSEP, MODEL, PLAIN, REVISION, TASK, WEIGHTS

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page, PageError
    from tests.pyodide.servers import Site


def start(page: Page, site: Site, wasm: str, start_timeout: float) -> PageError | None:
    """Start an engine worker with this runtime, past all checks."""
    return page.error_of(
        "start_engine",
        wasm_url=f"{site.settings.url}/attachments/runtime/{wasm}",
        options={
            "task": TASK,
            "modelId": MODEL,
            "modelRevision": REVISION,
            "hubRootUrl": f"{site.hub.url}/hub/",
            "hubUrlTemplate": "{model}/{revision}",
            "dtype": "q8",
            "device": "wasm",
        },
        start_timeout=start_timeout,
    )


def test_the_right_runtime_starts(page: Page, site: Site) -> None:
    assert start(page, site, JSEP.name, 60) is None
    page.is_clean()


def test_the_runtime_of_another_glue_does_not_hang(page: Page, site: Site) -> None:
    error = start(page, site, PLAIN.name, 60)

    assert error
    assert error.name == "EngineError"
    assert "[wasm]" in error.message
    assert MODEL in error.message
    page.is_clean()


def test_no_sign_of_life_ends_the_wait(page: Page, site: Site) -> None:
    error = start(page, site, JSEP.name, 0.001)  # no browser starts a worker in that time

    assert error
    assert error.name == "EngineTimeout"
    for part in ("0.001 s", MODEL, "start_timeout in modelden.configure()"):
        assert part in error.message
    page.is_clean()


def test_a_slow_download_is_a_sign_of_life(page: Page, site: Site) -> None:
    error = None
    for seconds in (5, 20, 60):  # a busy machine needs more than five for the rest of the start
        site.fault(Fault(path=f"/hub/{MODEL}/*/{WEIGHTS}", delay_ms=1000 * (seconds + 1)))
        config = {**site.config, "start_timeout": seconds}
        error = page.call("visit", config=config, request={"feature_id": "tiny"}, texts=None)["error"]
        if error is None:
            break

    assert error is None
