"""Visits of one profile: cold, warm, after an update, and after a page was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelden.host.serve.server import RunningServer
from tests.faults.hub import FaultyHub
from tests.pyodide.browser_page import assert_whole_files, assert_whole_settings
from tests.pyodide.engines_page import ENGINE, FILES, TINY, Engines, publish
from tests.pyodide.halted import first_byte, kept_at_limit

if TYPE_CHECKING:
    from tests.pyodide.servers import Site
    from tests.webkit.conftest import Profile

MODEL = {"model": "org/model", "revision": "v1", "file": "model.onnx"}
PATH = "/org/model/v1/model.onnx"
BODY = bytes(range(256)) * 93_750


def test_a_warm_visit_asks_for_nothing_and_gives_the_same_vectors(profile: Profile, site: Site) -> None:
    with profile.page() as page:
        cold = page.visit(site.config, feature_id="tiny")
        stored = page.stored()
    assert site.requests()
    assert_whole_files(stored["modelFiles"])
    assert_whole_settings(stored["remote-settings"])

    with profile.page() as page:
        warm = page.visit(site.config, feature_id="tiny")

    assert site.requests() == []
    assert warm["vectors"] == cold["vectors"]


def test_a_new_revision_in_the_settings_is_downloaded(profile: Profile, own_site: Site) -> None:
    with profile.page() as page:
        engines = Engines(page)
        engines.call("create", config=own_site.config, **TINY)
        old = engines.call("run", engine_id=ENGINE)
        publish(own_site, "v2.0")
        assert [each["status"] for each in engines.call("check")] == ["update-available"]

        assert engines.call("update", engine_id=ENGINE) is True

        assert engines.call("run", engine_id=ENGINE) != old
        assert engines.revisions() == {"v2.0": FILES}
        engines.call("close_all")


def test_run_sync_says_that_it_cannot_wait_here(profile: Profile, site: Site) -> None:
    with profile.page() as page:
        engines = Engines(page)
        engines.call("create", config=site.config, **TINY)

        assert "await engine.run" in engines.call("run_sync", engine_id=ENGINE)

        engines.call("close_all")


def test_a_download_goes_on_after_its_page_was_killed(profile: Profile) -> None:
    hub = FaultyHub({PATH: BODY}, limit=len(BODY) // 2)
    with RunningServer(hub) as server:
        with profile.page() as page:
            page.call("begin_file", root_url=server.url, **MODEL)
            stored = kept_at_limit(page, hub, PATH)
            page.runner.kill_page()
        hub.limit = None

        with profile.page() as page:
            file = page.call("get_file", root_url=server.url, **MODEL)

    assert file["error"] is None
    assert file["size"] == len(BODY)
    assert file["sha256"] == file["noted"]
    assert stored <= first_byte(hub.last(PATH)) < len(BODY)
