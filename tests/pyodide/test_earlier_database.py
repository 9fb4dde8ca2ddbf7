"""Databases of an earlier build, in real browsers: every file is still there, for the hub that it came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from modelden.host.testing import Fault
from tests.earlier_databases import CUT_BODY, CUT_FILE, CUT_MODEL, VERSION, earlier_databases, script
from tests.pyodide.servers import KEPT, MODEL, WEIGHTS
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

_OPEN_EARLIER = f"""
from modelden._js.indexeddb import JsDatabases
from modelden.errors import StorageUnavailable
from modelden.hub.store.schema import MODEL_FILES
earlier = MODEL_FILES._replace(version={VERSION}, migrations=())
"""

_USE_BOTH = (
    _OPEN_EARLIER
    + """
import json
tab = await JsDatabases().open(earlier)
rows = await tab.get_all("files")
found = [model.files for model in await modelden.ModelHub().list_models()]  # the later version is not blocked
refused = []
for call in (tab.get("files", rows[0]["id"]), JsDatabases().open(earlier)):
    try:
        await call
    except StorageUnavailable as error:
        refused.append(str(error))
json.dumps([len(rows), sum(found), refused])
"""
)


def write_earlier(page: Page, site: Site) -> None:
    config = site.config
    databases = earlier_databases(config["hub_root_url"], config["settings_server"], config["root_hash"])
    page.runner.run_js(script(databases))


def test_every_file_of_an_earlier_build_is_still_there(page: Page, site: Site) -> None:
    write_earlier(page, site)
    folder = site.folder / "hub" / CUT_MODEL / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CUT_FILE).write_bytes(CUT_BODY)
    site.fault(Fault(path="/hub/test/tiny/*", close=True), Fault(path="/hub/tiny/*", close=True))
    root = site.config["hub_root_url"]

    # The engine of the pinned revision starts without its hub.
    page.visit(site.config, feature_id="tiny")
    for revision, file in (("v1", WEIGHTS), ("v2", WEIGHTS), ("main", "config.json")):
        got = page.call("get_file", root_url=root, model=MODEL, revision=revision, file=file)
        assert (got["error"], got["size"]) == (None, len(tiny_model("v1")[file])), (revision, file)
    raw = page.call("get_file", root_url=root, model="tiny/raw", revision="v1", file="onnx/weights.bin")
    assert (raw["error"], raw["size"]) == (None, 8)
    imported = page.call("get_file", root_url=root, model="test/imported", revision="v1", file="imported.json")
    assert (imported["error"], imported["integrity"]) == (None, "first-seen")
    # The interrupted download goes on.
    cut = page.call("get_file", root_url=root, model=CUT_MODEL, revision="v1", file=CUT_FILE)
    assert (cut["error"], cut["size"]) == (None, len(CUT_BODY))
    sent = [entry.status for entry in site.app.log.entries() if entry.path.startswith(f"/hub/{CUT_MODEL}/")]
    assert [status for status in sent if status in (200, 206)] == [206]
    page.is_clean()
    stored = page.stored()["modelFiles"]
    assert {row["root"] for store in ("headers", "files", "engines", "tasks", "missing") for row in stored[store]} == {
        f"{root}/"
    }
    assert [row["model"] for row in stored["pins"]] == [KEPT]


def test_a_file_of_an_earlier_build_is_not_served_for_another_hub_of_its_host(page: Page, site: Site) -> None:
    """The other hub is a path of the same server, so only its root tells it."""
    write_earlier(page, site)
    other = site.folder / "hub/other" / MODEL / "v1"
    other.mkdir(parents=True, exist_ok=True)
    (other / "config.json").write_bytes(b'{"model_type": "other"}')
    page.call("configure", config=site.config)
    site.requests()

    root = f"{site.config['hub_root_url']}/other"
    got = page.call("get_file", root_url=root, model=MODEL, revision="v1", file="config.json")
    assert (got["error"], got["size"]) == (None, len(b'{"model_type": "other"}'))
    assert site.requests() == [f"GET /hub/other/{MODEL}/v1/config.json"]
    names = [(model["name"], model["revision"]) for model in page.call("models")]
    assert names.count((KEPT, "v1")) == 2


def test_a_tab_of_an_earlier_build_is_told_and_blocks_nothing(page: Page, site: Site) -> None:
    write_earlier(page, site)
    page.call("configure", config=site.config)

    before, after, refused = json.loads(page.runner.run_async(f"import modelden\n{_USE_BOTH}"))
    assert (before, after) == (10, 10)
    assert len(refused) == 2
    assert all("was made by a later version of modelden. Its data stay stored" in words for words in refused)
