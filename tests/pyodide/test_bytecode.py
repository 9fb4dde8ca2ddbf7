"""A second visit reads what the first one compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pyodide.tabs import another, call

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

KEYS = "return (await (await caches.open('modelden')).keys()).map(({ url }) => url).join()"
LATE = "modelden.context"
"""A module that nothing but an engine's creation imports."""


def keep(page: Page, site: Site) -> None:
    """Have a visit behind us, with all that it compiled kept."""
    page.runner.run_js("await caches.delete('modelden');")
    with another(page) as tab:
        visit(tab, site)
        page.until(lambda: page.runner.run_js(KEYS), "the bytecode is kept")


def visit(tab: Tab, site: Site) -> None:
    assert call(tab, "visit", config=site.config, request={"feature_id": "tiny"})["error"] is None


def test_a_second_visit_compiles_nothing_that_the_first_one_did(page: Page, site: Site) -> None:
    keep(page, site)
    with another(page) as tab:
        visit(tab, site)
        came = call(tab, "origins")

    assert LATE in came["kept"]
    assert len(came["kept"]) > 80
    assert came["compiled"] == []


def test_a_visit_that_downloads_nothing_imports_nothing_for_it(page: Page, site: Site) -> None:
    keep(page, site)
    with another(page) as tab:
        visit(tab, site)
        came = call(tab, "origins")

    assert "modelden.hub.files" in came["kept"]
    assert not {
        "modelden.hub.download.downloader",
        "modelden.hub.download.chunk_writer",
        "modelden.core.download",
    } & set(came["kept"])


def test_another_version_is_compiled(page: Page, site: Site) -> None:
    keep(page, site)
    before = page.runner.run_js(KEYS)
    with another(page) as tab:
        call(tab, "change", module=LATE, line="CHANGED = 'yes'")
        visit(tab, site)

        assert call(tab, "attribute", module=LATE, name="CHANGED") == "yes"
        came = call(tab, "origins")
        assert came["kept"] == []
        assert LATE in came["compiled"]
        page.until(lambda: page.runner.run_js(KEYS) not in ("", before), "it is kept instead of the other version's")
        assert "," not in page.runner.run_js(KEYS)


def test_what_cannot_be_read_is_compiled_and_kept_anew(page: Page, site: Site) -> None:
    keep(page, site)
    page.runner.run_js(
        "const cache = await caches.open('modelden'); const [key] = await cache.keys();"
        "await cache.put(key, new Response('no bytecode'));"
    )
    with another(page) as tab:
        visit(tab, site)
        assert LATE in call(tab, "origins")["compiled"]
        is_whole = "const found = await caches.match((await (await caches.open('modelden')).keys())[0]);"
        page.until(
            lambda: page.runner.run_js(f"{is_whole} return (await found.text()).length") > 100_000, "it is kept anew"
        )
