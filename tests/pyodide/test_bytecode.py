"""A second visit reads what the first one compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pyodide.tabs import another, call

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

KEYS = "return (await (await caches.open('modelden')).keys()).map(({ url }) => url).join()"
LATE = "modelden.context"
"""A module that nothing but an engine's creation imports."""

_SAVE = """
    const [key] = await (await caches.open("modelden")).keys();
    globalThis.savedBytecode = [key.url, await (await caches.match(key)).arrayBuffer()];
"""
_PUT_BACK = """
    await caches.delete("modelden");
    if (!globalThis.savedBytecode) return false;
    const [key, bytes] = savedBytecode;
    await (await caches.open("modelden")).put(key, new Response(bytes));
    return true;
"""
_SIZE = """
    const [key] = await (await caches.open("modelden")).keys();
    const found = key && await caches.match(key);
    return found ? (await found.arrayBuffer()).byteLength : 0; // between two versions there is none
"""


@pytest.fixture
def kept(page: Page, site: Site) -> None:
    """A visit is behind us, and all that it compiled is kept: of the first of these tests, the others get a copy."""
    if not page.runner.run_js(_PUT_BACK):
        with another(page) as tab:
            visit(tab, site)
            page.until(lambda: page.runner.run_js(KEYS), "the bytecode is kept")
        page.runner.run_js(_SAVE)


def visit(tab: Tab, site: Site) -> None:
    assert call(tab, "visit", config=site.config, request={"feature_id": "tiny"})["error"] is None


pytestmark = pytest.mark.usefixtures("kept")


def test_a_second_visit_compiles_nothing_that_the_first_one_did(page: Page, site: Site) -> None:
    with another(page) as tab:
        visit(tab, site)
        visit(tab, site)  # that finds all files stored
        came = call(tab, "origins")

    assert LATE in came["kept"]
    assert len(came["kept"]) > 80
    assert came["compiled"] == []


def test_a_visit_that_downloads_nothing_imports_nothing_for_it(page: Page, site: Site) -> None:
    with another(page) as tab:
        visit(tab, site)
    with another(page) as tab:
        visit(tab, site)
        came = call(tab, "origins")

    assert "modelden.hub.files" in came["kept"]
    assert not {
        "modelden.hub.download.downloader",
        "modelden.hub.download.chunk_writer",
        "modelden.core.response_body",
    } & set(came["kept"])


def test_another_version_is_compiled(page: Page, site: Site) -> None:
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
    page.runner.run_js(
        "const cache = await caches.open('modelden'); const [key] = await cache.keys();"
        "await cache.put(key, new Response('no bytecode'));"
    )
    with another(page) as tab:
        visit(tab, site)
        assert LATE in call(tab, "origins")["compiled"]
        page.until(lambda: page.runner.run_js(_SIZE) > 100_000, "it is kept anew")
