"""``<modelden-models>`` beside Python: one reads what the other writes, and each notices the other's changes."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from modelden.host.serve.page_scripts import ASSETS
from tests.pyodide.servers import MODEL, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

OTHER = "test/listed"

_SHOW = """
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { pyodideActions } = await import(url);
    document.querySelector("modelden-models")?.remove();
    const list = document.createElement("modelden-models");
    list.actions = pyodideActions(() => pyodide);
    list.addEventListener("modelden-models", ({ detail }) => { globalThis.listed = detail; });
    document.body.append(list);
    await list.refresh();
"""


_BEGIN = """
from js import Blob
from modelden._js.blobs import JsBlob
from modelden.default_context import current_context
from modelden.hub.store.records import FileKey, PartialFile
key, partial = FileKey("{model}", "v1", "{file}", "{root}"), PartialFile("begun", "{root}f", None, 2000, 0, 1)
await (await (await current_context()).store()).partials.append(key, partial, JsBlob(Blob.new()))
"""
"""A download that ended before its first byte was kept."""


def show(page: Page) -> None:
    source = ASSETS.joinpath("models.js").read_text("utf-8")
    page.runner.run_js(f"const source = {json.dumps(source)};{_SHOW}")


def listed_by_element(page: Page) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = page.runner.run_js("return listed;")
    return listed


def listed_by_python(page: Page, pinned: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    models = [
        {
            "model": model["name"],
            "revision": model["revision"],
            "rootUrl": model["root_url"],
            "size": model["size"],
            "files": len(model["files_kept"]),
            "partialFiles": model["partial_files"],
            "tasks": model["task_names"],
            "lastUsed": model["last_used"],
            "pinned": pinned(model),
        }
        for model in page.call("models")
    ]
    return sorted(models, key=lambda model: (model["model"], model["revision"]))


def test_the_list_and_python_agree(page: Page, site: Site) -> None:
    root = site.config["hub_root_url"]
    page.call("configure", config=site.config)

    def download(model: str, file: str) -> Any:
        return page.call("get_file", root_url=root, model=model, revision="v1", file=file)["error"]

    shutil.copytree(site.folder / "hub" / MODEL, site.folder / "hub" / OTHER, dirs_exist_ok=True)
    assert [download(*each) for each in ((MODEL, "config.json"), (MODEL, WEIGHTS), (OTHER, "config.json"))] == [
        None
    ] * 3
    page.runner.run_async(_BEGIN.format(model=f"localhost/{OTHER}", file=WEIGHTS, root=f"{root}/"))
    show(page)
    assert listed_by_element(page) == listed_by_python(page, lambda _model: False)
    assert [model["partialFiles"] for model in listed_by_element(page)] == [1, 0]

    tab = page.tab
    status = tab.get_by_role("status")
    tab.get_by_role("button", name=f"Pin {MODEL} v1").click()
    expect(status).to_contain_text("is pinned")
    host = f"localhost/{MODEL}"
    assert page.stored()["modelFiles"]["pins"] == [{"model": host, "revision": "v1", "root": f"{root}/"}]
    page.runner.run_async(f"import modelden; await modelden.ModelHub().pin({host!r}, 'v1', keep=False)")
    expect(tab.get_by_role("button", name=f"Pin {MODEL} v1", exact=True)).to_be_visible()

    tab.get_by_role("button", name=f"Resume {OTHER} v1").click()
    expect(status).to_have_text(f"{OTHER} v1 is complete.")
    tab.get_by_role("button", name=f"Verify {OTHER} v1").click()
    expect(status).to_have_text(f"{OTHER} v1: 2 files verified, none is damaged.")
    assert listed_by_element(page) == listed_by_python(page, lambda _model: False)

    tab.get_by_role("button", name=f"Delete {MODEL} v1").click()
    tab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(status).to_contain_text(f"{MODEL} v1 is deleted")
    assert [model["name"] for model in page.call("models")] == [f"localhost/{OTHER}"]
    assert page.call("where_it_is_kept", config=site.config)["removed"] == []
    site.requests()
    assert download(MODEL, "config.json") is None
    assert site.requests() == [f"GET /hub/{MODEL}/v1/config.json"]

    page.runner.run_async("import modelden; await modelden.ModelHub().purge()")
    expect(tab.locator("[part=summary]")).to_have_text("No model is stored.")
    assert {name: rows for name, rows in page.stored()["modelFiles"].items() if rows} == {}
    page.runner.run_js("document.querySelector('modelden-models').remove()")


def test_python_shows_the_list_in_its_page(page: Page, site: Site) -> None:
    root = site.config["hub_root_url"]
    page.call("configure", config=site.config)
    assert page.call("get_file", root_url=root, model=MODEL, revision="v1", file="config.json")["error"] is None
    page.runner.run_async(
        "import modelden\nfrom js import document\n"
        "place = document.createElement('div')\nplace.id = 'place'\ndocument.body.append(place)\n"
        "await modelden.models(place)"
    )
    place = page.tab.locator("#place")
    place.get_by_role("button", name=f"Verify {MODEL} v1").click()
    expect(place.get_by_role("status")).to_have_text(f"{MODEL} v1: 1 file verified, none is damaged.")

    # As a notebook inserts an output, with its scripts.
    html = page.runner.run_async("(await modelden.models())._repr_html_()")
    page.runner.run_js(
        f"document.getElementById('place').replaceChildren("
        f"document.createRange().createContextualFragment({json.dumps(html)}));"
    )
    expect(place.locator("[part=summary]")).to_have_text(re.compile("^1 model, "))
    expect(place.locator("table").first).not_to_be_visible()
    page.runner.run_js("document.getElementById('place').remove()")
