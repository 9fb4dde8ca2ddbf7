"""Engines sleep, crash and come back, and what they tell of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pyodide.engines_page import ENGINE, TINY

if TYPE_CHECKING:
    from tests.pyodide.engines_page import Engines
    from tests.pyodide.servers import Site


def test_an_engine_sleeps_dies_and_comes_back(engines: Engines, site: Site) -> None:
    engines.call("create", config=site.config, **{**TINY, "timeoutMS": 1})
    assert engines.call("until_status", engine_id=ENGINE, status="closed") == "closed"
    engines.page.until(lambda: engines.page.workers() == 0, "no worker is left")

    engines.call("create", config=site.config, **TINY)
    first = engines.call("run", engine_id=ENGINE)
    assert engines.page.workers() == 1
    engines.page.runner.run_js("usedWorkers.at(-1).terminate()")  # as a browser without memory does
    assert engines.call("until_status", engine_id=ENGINE, status="crashed") == "crashed"

    assert engines.call("run", engine_id=ENGINE) == first
    statuses = [each["name"] for each in engines.call("events", kind="engine")]
    assert statuses == ["uninitialized", "ready", "crashed", "uninitialized", "ready"]
    assert [each["name"] for each in engines.call("events", kind="error")] == ["EngineCrashed"]


def test_a_run_whose_worker_ends_fails_at_once(engines: Engines, site: Site) -> None:
    engines.call("create", config=site.config, **TINY)

    ended = engines.page.runner.run_async(
        "import js, engine_in_page\n"
        f"await engine_in_page.while_running({ENGINE!r}, lambda: js.usedWorkers.pop().terminate())"
    )

    assert ended == "EngineCrashed"
    assert isinstance(engines.call("run", engine_id=ENGINE), list)


def test_calls_that_wait(engines: Engines, site: Site) -> None:
    engines.call("create", config=site.config, **TINY)
    suspends = engines.page.runner.run_js("return 'Suspending' in WebAssembly")

    outcome = engines.call("run_sync", engine_id=ENGINE)
    assert outcome is True if suspends else "await engine.run(...)" in outcome

    plain = engines.page.runner.run(f"import engine_in_page\nengine_in_page.run_sync_in_a_plain_call({ENGINE!r})")
    assert "await engine.run(...)" in plain


def test_metrics_of_a_run(engines: Engines, site: Site) -> None:
    engines.call("create", config=site.config, **TINY)
    engines.call("run", engine_id=ENGINE)

    metrics = engines.call("metrics", engine_id=ENGINE)

    assert metrics["input_tokens"] == 4 + 7  # with [CLS] and [SEP], without padding
    assert metrics["output_tokens"] == 0
    assert metrics["time_to_first_token"] is None
    # Firefox's clock goes by milliseconds: words this few may take none.
    assert metrics["decoding_time"] == metrics["inference_time"] >= metrics["tokenizing_time"] >= 0
    assert metrics["tokenizing_time"] == metrics["preprocessing_time"]
    names = [name for name, _ in metrics["run_timestamps"]]
    assert names == ["initializationStart", "initializationEnd", "runStart", "runEnd"]
    times = [time for _, time in metrics["run_timestamps"]]
    assert times == sorted(times)
    (event,) = engines.call("events", kind="run")
    assert event["detail"]["input_tokens"] == metrics["input_tokens"]
