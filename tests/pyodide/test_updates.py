"""Engines move to new revisions and runtimes; nothing is a mixture, nothing is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelden.host.testing import Fault
from tests.pyodide.browser_page import Page
from tests.pyodide.engines_page import CHANGED, ENGINE, FILES, TINY, Engines, publish
from tests.pyodide.runners import Runners
from tests.pyodide.servers import (
    BROKEN_MODEL,
    JSEP,
    MODEL,
    REVISION,
    TASK,
    WEIGHTS,
    Site,
    attach,
    offer_runtime_6,
    runtime_record,
    write_model,
)
from tests.pyodide.task_cases import CASES
from tests.pyodide.test_tasks import engine_request
from tests.tiny_model import tiny_model
from tests.tiny_models.speech import VOCODER

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW = [(f"/hub/{MODEL}/v2.0/{name}", len(tiny_model("v2")[name])) for name in CHANGED]
"""What an update fetches: the files that changed, and their bytes."""


def served(site: Site) -> list[tuple[str, int]]:
    """Path and bytes of what was fetched since the last look."""
    entries = site.app.log.entries()
    site.requests()
    return [(entry.path.partition("?")[0], entry.bytes) for entry in entries if entry.method == "GET"]


def test_an_update_while_the_page_is_open(engines: Engines, own_site: Site) -> None:
    engines.call("create", config=own_site.config, **TINY)
    old = engines.call("run", engine_id=ENGINE)
    publish(own_site, "v2.0")

    assert [each["status"] for each in engines.call("check")] == ["update-available"]
    engines.page.until(lambda: engines.updates() == [("available", "v1", "v2.0")], "the page was told")
    assert engines.call("run", engine_id=ENGINE) == old
    own_site.requests()

    assert engines.call("update", engine_id=ENGINE) is True
    assert served(own_site) == NEW
    new = engines.call("run", engine_id=ENGINE)
    assert new != old
    assert engines.updates()[1:] == [("installed", "v1", "v2.0")]
    assert engines.revisions() == {"v2.0": FILES}
    engines.page.until(lambda: engines.page.workers() == 1, "the old worker is gone")

    assert engines.call("update", engine_id=ENGINE) is False
    assert [each["status"] for each in engines.call("check")] == ["up-to-date"]
    engines.call("close_all")
    own_site.requests()
    engines.call("create", config=own_site.config, **TINY)
    assert engines.call("run", engine_id=ENGINE) == new
    assert own_site.requests() == []


def test_an_update_while_the_page_is_closed(engines: Engines, own_site: Site) -> None:
    engines.call("create", config=own_site.config, **TINY)
    old = engines.call("run", engine_id=ENGINE)
    engines.call("close_all")
    publish(own_site, "v2.0")

    # Settings are asked for once a day: until then the old model is what they say, and the network is not needed.
    assert engines.call("create", config=own_site.config, **TINY)["revision"] == "v1"
    assert own_site.requests() == []
    engines.call("close_all")
    engines.call("poll")
    own_site.requests()

    assert engines.call("create", config=None, **TINY)["revision"] == "v2.0"
    assert engines.call("run", engine_id=ENGINE) != old
    assert served(own_site) == NEW
    assert engines.revisions() == {"v2.0": FILES}


def test_an_update_whose_download_is_cut_goes_on_where_it_was(engines: Engines, own_site: Site) -> None:
    engines.call("create", config=own_site.config, **TINY)
    old = engines.call("run", engine_id=ENGINE)
    publish(own_site, "v2.0", padding=4_000_000)
    own_site.fault(Fault(path=f"/hub/{MODEL}/v2.0/{WEIGHTS}", method="GET", cut_after=3_000_000, times=1))
    engines.call("poll")
    own_site.requests()

    assert engines.call("update", engine_id=ENGINE) is True
    parts = [entry for entry in own_site.app.log.entries() if entry.method == "GET"]
    assert [(entry.path.partition("?")[0], entry.status) for entry in parts] == [
        (f"/hub/{MODEL}/v2.0/{WEIGHTS}", 200),
        (f"/hub/{MODEL}/v2.0/{WEIGHTS}", 206),
    ]
    # Chromium throws away what it has of a connection that breaks; the rest of the file is asked for once.
    assert parts[1].bytes < (own_site.folder / "hub" / MODEL / "v2.0" / WEIGHTS).stat().st_size
    assert engines.call("run", engine_id=ENGINE) != old
    assert engines.revisions() == {"v2.0": FILES}


def test_a_branch_is_the_new_model_or_the_old_one(engines: Engines, own_site: Site) -> None:
    write_model(own_site.folder, MODEL, revision="main", content="v1")
    config_file = own_site.folder / "hub" / MODEL / "main" / "config.json"
    own_site.collection("ml-inference-options").update("options-tiny", modelRevision="main")
    engines.call("create", config=own_site.config, **TINY)
    old = engines.call("run", engine_id=ENGINE)
    engines.call("close_all")
    kept = engines.page.stored()["modelFiles"]["files"]

    write_model(own_site.folder, MODEL, revision="main", content="v2")
    config_file.write_bytes(config_file.read_bytes() + b"\n")
    own_site.fault(Fault(path=f"/hub/{MODEL}/main/{WEIGHTS}", method="GET", status=503))
    engines.call("create", config=own_site.config, **TINY)
    assert engines.call("run", engine_id=ENGINE) == old
    assert engines.updates() == [("failed", "main", "main")]
    assert engines.page.stored()["modelFiles"]["files"] == kept
    engines.call("close_all")

    own_site.fault()
    engines.call("create", config=own_site.config, **TINY)
    assert engines.call("run", engine_id=ENGINE) != old
    assert engines.updates() == []
    assert engines.revisions() == {"main": FILES}
    engines.call("close_all")
    engines.page.is_clean()


def test_an_update_of_the_runtime(engines: Engines, own_site: Site) -> None:
    engines.call("create", config=own_site.config, **TINY)
    vectors = engines.call("run", engine_id=ENGINE)
    attach(own_site.folder, "newer.wasm", JSEP.read_bytes())
    own_site.collection("ml-onnx-runtime").replace(
        [{**runtime_record(own_site.folder / "attachments/runtime/newer.wasm"), "version": "5.1"}]
    )
    engines.call("poll")
    own_site.requests()

    (status,) = engines.call("check")
    assert [status[state]["runtime"] for state in ("current", "available")] == [f"{JSEP.name} 5.0", f"{JSEP.name} 5.1"]
    assert engines.call("update", engine_id=ENGINE) is True
    assert engines.call("run", engine_id=ENGINE) == vectors
    assert not [request for request in own_site.requests() if "/hub/" in request]
    assert engines.call("update", engine_id=ENGINE) is False

    # One that the bundle cannot drive is not taken, and the one that works goes on.
    attach(own_site.folder, "other.wasm", b"\0asm\1\0\0\0")
    own_site.collection("ml-onnx-runtime").replace(
        [{**runtime_record(own_site.folder / "attachments/runtime/other.wasm"), "version": "5.2"}]
    )
    engines.call("poll")
    assert engines.call("update", engine_id=ENGINE) == "RuntimeMismatch"
    assert engines.call("run", engine_id=ENGINE) == vectors


FAULTS = {
    # A download goes on where it was cut: each try brings some more, and too little to make it worth another one.
    "cut": Fault(path=f"/hub/{MODEL}/v2.0/{WEIGHTS}", method="GET", cut_after=30_000),
    "corrupt": Fault(path=f"/hub/{MODEL}/v2.0/{WEIGHTS}", body="no model at all"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_update_that_fails_leaves_the_old_model_working(engines: Engines, own_site: Site, fault: str) -> None:
    engines.call("create", config=own_site.config, **TINY)
    old = engines.call("run", engine_id=ENGINE)
    publish(own_site, "v2.0", padding=4_000_000)
    own_site.fault(FAULTS[fault])
    engines.call("poll")

    assert engines.call("update", engine_id=ENGINE) in ("NetworkError", "DownloadInterrupted", "IntegrityError")
    assert engines.call("run", engine_id=ENGINE) == old
    assert engines.updates()[-1] == ("failed", "v1", "v2.0")
    assert engines.revisions()["v1"] == FILES

    # The page is closed, and comes again: still the old one, and whole.
    engines.call("close_all")
    assert engines.call("create", config=own_site.config, **TINY)["revision"] == "v1"
    assert engines.call("run", engine_id=ENGINE) == old

    own_site.fault()
    engines.call("close_all")
    assert engines.call("create", config=own_site.config, **TINY)["revision"] == "v2.0"
    assert engines.call("run", engine_id=ENGINE) != old
    assert engines.revisions() == {"v2.0": FILES}


@pytest.fixture
def tabs(runtime: str, runners: Runners) -> Iterator[list[Engines]]:
    """Two pages of one origin in one browser profile; pytest-pyodide's own are in profiles of their own."""
    context = runners._browsers[runtime].new_context()
    try:
        beside = Runners({runtime: context}, runners._server, runners._dist_dir)  # type: ignore[dict-item]  # of pytest-pyodide's private class
        yield [Engines(Page(beside.new(runtime))) for _ in range(2)]
    finally:
        context.close()


def test_two_tabs_take_an_update(tabs: list[Engines], own_site: Site) -> None:
    assert CHANGED == [WEIGHTS]
    for each in tabs:
        each.call("create", config=own_site.config, **TINY)
    old = [each.call("run", engine_id=ENGINE) for each in tabs]
    publish(own_site, "v2.0")

    first, other = tabs
    first.call("poll")
    own_site.requests()
    for each in (first, other):  # who hears it from the first
        each.page.until(lambda each=each: ("available", "v1", "v2.0") in each.updates(), "it was told")  # type: ignore[misc]  # of pytest-pyodide's mixin
        assert each.call("update", engine_id=ENGINE) is True
        # What the other one still uses stays until it has moved, too.
        assert each.revisions() == ({"v1": FILES, "v2.0": FILES} if each is first else {"v2.0": FILES})

    new = [each.call("run", engine_id=ENGINE) for each in tabs]
    assert new[0] == new[1] != old[0] == old[1]
    assert [each.revisions() for each in tabs] == [{"v2.0": FILES}] * 2
    assert served(own_site) == NEW


def test_what_was_prefetched_needs_no_network(engines: Engines, own_site: Site) -> None:
    assert engines.call("prefetch", config=own_site.config, feature_id="tiny") is None
    own_site.settings.stop()
    own_site.hub.stop()

    engines.call("create", config=own_site.config, **TINY)
    assert isinstance(engines.call("run", engine_id=ENGINE), list)
    assert [each["status"] for each in engines.call("check")] == ["offline"]

    own_site.settings.start()
    own_site.hub.start()
    engines.page.wipe()
    own_site.fault(Fault(path=f"/hub/*/{WEIGHTS}", drop_cors=True))
    missing = engines.call("prefetch", config=own_site.config, feature_id="tiny")
    assert missing == [own_site.hub_url(WEIGHTS)]


PREFETCHED = ("text-generation", "image-to-text", "automatic-speech-recognition")
"""Tasks whose models have parts, caches and processors."""


@pytest.mark.parametrize("major", [5, 6])
def test_a_prefetch_has_every_file_and_loads_none(engines: Engines, own_site: Site, major: int) -> None:
    offer_runtime_6(own_site)
    config = {**own_site.config, "runtime_major": major}
    # What is no model cannot be loaded, and is fetched.
    broken = {"task_name": TASK, "model_id": BROKEN_MODEL, "model_revision": REVISION, "dtype": "q8"}
    assert engines.call("prefetch", config=config, **broken) is None
    for task in PREFETCHED:
        assert engines.call("prefetch", config=config, **engine_request(task)) is None
    # Others may be on their way when it is known that this one is not there.
    assert own_site.hub_url("onnx/model_fp16.onnx") in engines.call("prefetch", config=config, dtype="fp16", **TINY)
    engines.page.until(lambda: engines.page.workers() == 0, "no worker is left")
    own_site.settings.stop()
    own_site.hub.stop()

    for task in PREFETCHED:
        assert engines.call("create", config=config, **engine_request(task))["status"] == "ready"
        engines.call("close_all")


@pytest.mark.parametrize("major", [5, 6])
def test_speech_was_prefetched_with_what_only_its_run_asks_for(
    engines: Engines, task_page: Page, own_site: Site, major: int
) -> None:
    offer_runtime_6(own_site)
    config = {**own_site.config, "runtime_major": major}
    request, run = engine_request("text-to-speech"), CASES["text-to-speech"][0]
    own_site.fault(Fault(path=f"/hub/{VOCODER}/main/onnx/model.onnx", method="GET", status=404, times=1))
    missing = engines.call("prefetch", config=config, **request)
    assert missing == [own_site.hub_url("onnx/model.onnx", VOCODER, "main")]
    assert engines.call("prefetch", config=config, **request) is None
    own_site.settings.stop()
    own_site.hub.stop()

    results = task_page.call("run_task", config=config, request=request, calls=[run], module="in_page_tasks")
    assert len(results[0]["audio"]["bytes"]) > 1000


def test_a_prefetch_leaves_an_engine_as_it_is_and_nothing_behind(engines: Engines, own_site: Site) -> None:
    page = engines.page
    engines.call("create", config=own_site.config, **TINY)
    old = engines.call("run", engine_id=ENGINE)
    publish(own_site, "v2.0")
    engines.call("poll")
    page.trace_proxies()
    engines.call("prefetch", config=None, feature_id="tiny")
    before = page.proxies(), page.js_objects()
    for _ in range(3):
        assert engines.call("prefetch", config=None, feature_id="tiny") is None

    page.until(lambda: page.workers() == 1, "no worker is left but the engine's")
    page.until(lambda: page.proxies() <= before[0], f"JavaScript holds {before[0]} of Python's objects again")
    page.until(lambda: page.js_objects() <= before[1], f"Python holds {before[1]} of JavaScript's objects again")
    assert engines.revisions() == {"v1": FILES, "v2.0": FILES}
    assert engines.call("run", engine_id=ENGINE) == old

    own_site.settings.stop()
    own_site.hub.stop()
    assert engines.call("update", engine_id=ENGINE) is True
    assert engines.call("run", engine_id=ENGINE) != old
    assert engines.revisions() == {"v2.0": FILES}


def test_the_old_files_go_with_the_last_run_that_uses_them(engines: Engines, own_site: Site) -> None:
    engines.call("create", config=own_site.config, **TINY)
    publish(own_site, "v2.0")
    engines.call("poll")
    engines.call("begin_run", engine_id=ENGINE)

    assert engines.call("update", engine_id=ENGINE) is True
    assert engines.revisions() == {"v1": FILES, "v2.0": FILES}
    assert engines.call("give_up") is True

    engines.page.until(lambda: engines.revisions() == {"v2.0": FILES}, "the old files are gone")
    engines.page.until(lambda: engines.page.workers() == 1, "the old worker is gone")
    assert isinstance(engines.call("run", engine_id=ENGINE), list)


def test_a_tab_that_ends_in_the_middle_of_an_update(tabs: list[Engines], own_site: Site) -> None:
    ending, other = tabs
    for each in tabs:
        each.call("create", config=own_site.config, **TINY)
    old = other.call("run", engine_id=ENGINE)
    publish(own_site, "v2.0", padding=4_000_000)
    ending.call("poll")
    own_site.requests()
    own_site.stall.path = f"/hub/{MODEL}/v2.0/{WEIGHTS}"
    ending.call("begin_update", engine_id=ENGINE)
    ending.page.until(lambda: served(own_site) != [], "the new weights are on their way")

    ending.page.tab.close()
    assert other.call("run", engine_id=ENGINE) == old
    assert other.revisions()["v1"] == FILES

    own_site.stall.path = None
    assert other.call("update", engine_id=ENGINE) is True
    assert other.call("run", engine_id=ENGINE) != old
    assert other.revisions() == {"v2.0": FILES}
