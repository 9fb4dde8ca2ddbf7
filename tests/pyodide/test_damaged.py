"""A flipped byte in stored weights, or in the stored runtime, is found by the load that fails on it, and heals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.pyodide.servers import MODEL, REVISION, WEIGHTS

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}

_SETTLED = """
    const settled = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
"""

_FLIP = f"""
    {_SETTLED}
    const database = await settled(indexedDB.open("modelFiles"));
    const rows = (store) => settled(database.transaction(store).objectStore(store).getAll());
    const {{ content }} = (await rows("files")).find((row) => row.file === file);
    const chunk = (await rows("chunks")).find((row) => row.content === content);
    const bytes = new Uint8Array(await chunk.data.arrayBuffer());
    bytes[at] ^= 0xff;
    const changed = {{ ...chunk, data: new Blob([bytes]) }};
    await settled(database.transaction("chunks", "readwrite").objectStore("chunks").put(changed));
    database.close();
"""


_FLIP_RUNTIME = f"""
    {_SETTLED}
    const database = await settled(indexedDB.open("remote-settings"));
    const [row] = await settled(database.transaction("attachments").objectStore("attachments").getAll());
    const bytes = new Uint8Array(await row.attachment.blob.arrayBuffer());
    bytes[Math.floor(bytes.length * share)] ^= 0xff;
    row.attachment.blob = new Blob([bytes]);
    await settled(database.transaction("attachments", "readwrite").objectStore("attachments").put(row));
    database.close();
"""


@pytest.fixture
def flipped(page: Page, site: Site) -> Page:
    """A page whose stored weights have another first byte than they had."""
    page.visit(site.config, **TINY)
    page.runner.run_js(f"const [file, at] = {json.dumps([WEIGHTS, 0])};{_FLIP}")
    site.requests()
    return page


def test_an_engine_fetches_damaged_weights_again(flipped: Page, site: Site) -> None:
    flipped.visit(site.config, **TINY)

    assert site.requests() == [f"GET /hub/{MODEL}/{REVISION}/{WEIGHTS}"]
    flipped.visit(site.config, **TINY)
    assert site.requests() == []
    flipped.is_clean()


def test_what_cannot_be_fetched_again_is_named(flipped: Page, site: Site) -> None:
    site.hub.stop()

    error = flipped.failed_visit(site.config, **TINY)

    site.hub.start()
    assert error.name == "NetworkError"
    assert error.facts["url"] == site.hub_url(WEIGHTS)
    flipped.visit(site.config, **TINY)
    flipped.is_clean()


@pytest.mark.console("failed to asynchronously prepare wasm: CompileError", r"Aborted\(CompileError")  # onnxruntime's
@pytest.mark.parametrize("share", [0, 0.99], ids=["that does not compile", "that runs"])
def test_an_engine_fetches_a_damaged_runtime_again(page: Page, site: Site, share: float) -> None:
    first = page.visit(site.config, **TINY)
    page.runner.run_js(f"const share = {share};{_FLIP_RUNTIME}")
    site.requests()

    second = page.visit(site.config, **TINY)

    (fetched,) = (each for each in site.requests() if "/attachments/" in each)
    assert fetched.endswith(".wasm")
    assert second["vectors"] == first["vectors"]
    page.visit(site.config, **TINY)
    assert site.requests() == []
    page.is_clean()
