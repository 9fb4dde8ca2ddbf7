"""Rows of earlier versions: each goes to the hub that it names, and none is lost."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from modelden.engine.history import History
from modelden.engine.options import PipelineOptions
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.migration import add_roots
from modelden.hub.store.schema import MODEL_FILES
from modelden.ports import Row, RowsByStore
from tests.earlier_databases import (
    CUT_BODY,
    CUT_FILE,
    CUT_MODEL,
    CUT_SIZE,
    IMPORTED_FILE,
    IMPORTED_MODEL,
    earlier_databases,
    write,
)
from tests.simulators.profile import Profile
from tests.unit.hub.browser import USE, Browser

LIVE, STAGING = "https://hub.example/", "https://hub.example:8443/staging/"
MODEL = "hub.example/org/m"
EVERYTHING = AllowList((), ())


def file_row(hub: str | None, path: str = "a.json", revision: str = "v1") -> Row:
    names = {"model": MODEL, "revision": revision, "file": path}
    return {"id": f"{MODEL}/{revision}/{path}", **names, "hub": hub, "sha256": "a" * 64}


def moved(**rows: list[Row]) -> RowsByStore:
    return add_roots({store: rows.get(store, []) for store in MODEL_FILES.migrations[0].stores})


def roots(rows: list[Row]) -> list[str]:
    return [row["root"] for row in rows]


@pytest.fixture
async def earlier(browser: Browser) -> Browser:
    """A profile with the databases of an earlier build, whose hub is the browser's."""
    await write(earlier_databases(browser.root, "https://settings.example/v1", "00"), browser.databases)
    return browser


async def test_every_file_is_still_there_and_needs_no_request(earlier: Browser) -> None:
    recorded = earlier_databases(earlier.root, "", "")["modelFiles"]["stores"]
    chunks = {row["content"]: base64.b64decode(row["data"]["base64"]) for row in recorded["chunks"]["rows"]}
    hub = await earlier.visit()
    for row in recorded["files"]["rows"]:
        file = ModelFile(row["model"].partition("/")[2], row["revision"], row["file"])
        cached = (await hub.store.read_files([hub.key(file)]))[hub.key(file)]
        assert (await cached.blob.read(), cached.sha256) == (chunks[row["content"]], row["sha256"])
        if file.revision != "main":
            assert await (await hub.get(file, USE, EVERYTHING)).blob.read() == chunks[row["content"]]

    assert earlier.hub.asked() == []
    models = await hub.store.list_models()
    assert {model.root_url for model in models} == {f"{earlier.root}/"}
    assert sum(model.files for model in models) == len(recorded["files"]["rows"])
    task_names = {name for model in models for name in model.task_names}
    assert task_names == {row["taskName"] for row in recorded["tasks"]["rows"]} | {USE.task_name}


async def test_pins_notes_and_interrupted_downloads_go_on(earlier: Browser) -> None:
    hub = await earlier.visit()
    earlier.hub.files[f"/{CUT_MODEL}/v1/{CUT_FILE}"] = CUT_BODY
    assert await hub.store.missing.is_missing(hub.key(ModelFile("test/tiny", "v1", "generation_config.json")))
    assert await (await earlier.database()).get("pins", ("localhost/test/tiny", "v1", "")) is not None

    cut = await hub.get(ModelFile(CUT_MODEL, "v1", CUT_FILE), USE, EVERYTHING)
    assert await cut.blob.read() == CUT_BODY
    assert earlier.hub.asked() == [f"/{CUT_MODEL}/v1/{CUT_FILE} bytes={CUT_SIZE}-"]


async def test_another_hub_of_the_host_is_served_none_of_them(earlier: Browser) -> None:
    earlier.hub.files[path := "/staging/test/tiny/v1/config.json"] = b'{"model_type": "staging"}'
    earlier.root += "/staging"
    staged = await earlier.get(ModelFile("test/tiny", "v1", "config.json"))

    assert await staged.blob.read() == b'{"model_type": "staging"}'
    assert earlier.hub.asked() == [path]
    hub = await earlier.visit()
    assert len(await hub.store.list_files("localhost/test/tiny", "v1")) == 4 + 1
    assert len(await hub.store.list_files("localhost/test/tiny", "v1", hub.key(ModelFile("o/n", "v1", "f")).root)) == 1
    assert await hub.store.list_files(f"localhost/{IMPORTED_MODEL}", "v1", f"{earlier.root}/") == []


async def test_an_engine_of_the_history_is_known(profile: Profile) -> None:
    """The rows of ``modelden`` stay where they are, under a key without the hub."""
    config = profile.config
    databases = earlier_databases(config.hub_root_url.rstrip("/"), config.settings_server, config.root_hash)
    await write(databases, profile.databases)
    request = PipelineOptions.of({"feature_id": "tiny"}, own_features=True)
    database = await profile.database("modelden")
    history = History(database, config.trust_source, config.hub_root_url, profile.clock)

    plan = await history.get(request)
    assert plan is not None
    assert plan.options.model_id == "test/tiny"
    assert [record.plan for record in await history.records()] == [plan]


def test_files_belong_to_the_hub_of_their_download() -> None:
    files = [file_row(LIVE), file_row(STAGING.rstrip("/"), "b.json"), file_row("HTTPS://HUB.example:443", "c.json")]
    names = [{name: row[name] for name in ("model", "revision", "file")} for row in files]
    rows = moved(files=files, headers=names, engines=names, tasks=[{**row, "taskName": "t"} for row in names])

    for store in ("files", "headers", "engines", "tasks"):
        assert roots(rows[store]) == [LIVE, STAGING, LIVE], store
    assert [row["id"] for row in rows["files"]][1] == f"{STAGING} {MODEL}/v1/b.json"


@pytest.mark.parametrize(
    ("others", "root"),
    [([LIVE], LIVE), ([STAGING], STAGING), ([LIVE, STAGING], ""), ([], ""), (["https://mirror.example/"], "")],
)
def test_a_file_that_names_no_hub_belongs_to_the_only_one_of_its_host(others: list[str], root: str) -> None:
    files = [file_row(None), *(file_row(other, f"{number}.json") for number, other in enumerate(others))]
    note: dict[str, Any] = {"id": f"{MODEL}/v3/a.json", "model": MODEL, "revision": "v3", "at": 1}
    collection, pin = {"id": "ml-model-manifests", "at": 2}, {"model": MODEL, "revision": "v1"}
    rows = moved(files=files, missing=[note, collection], pins=[pin])

    assert rows["files"][0]["root"] == root
    assert rows["missing"] == [
        {**note, "id": f"{root} {MODEL}/v3/a.json", "root": root},
        {"id": "ml-model-manifests", "at": 2},
    ]
    assert roots(rows["pins"]) == [""]  # a pin is of every hub with this host name


@pytest.mark.parametrize(
    ("hub", "etag", "stored"),
    [
        (LIVE, '"v2"', '"v2"'),
        (STAGING, '"v2"', '"v2"'),
        ("https://mirror.example/", '"v2"', "NO_ETAG"),
        (None, '"v2"', "NO_ETAG"),
        (None, f'W/"{"a" * 64}"', "NO_ETAG"),
        (None, f'"{"a" * 64}"', f'"{"a" * 64}"'),
        (None, "NO_ETAG", "NO_ETAG"),
    ],
)
def test_the_tag_of_a_mirror_or_an_archive_is_dropped(hub: str | None, etag: str, stored: str) -> None:
    """Version 702 stored it as the hub's."""
    file = file_row(hub)
    header = {name: file[name] for name in ("model", "revision", "file")} | {"headers": {"ETag": etag, "fileSize": 1}}
    rows = moved(files=[file], headers=[header])

    assert [row["headers"] for row in rows["headers"]] == [{"ETag": stored, "fileSize": 1}]


@pytest.mark.parametrize(
    ("url", "root"),
    [
        (f"{STAGING}org/m/v1/a.json?download=true", STAGING),
        (f"{LIVE}org/m/resolve/v1/a.json?download=true", LIVE),
        ("https://mirror.example/org/m/v1/a.json?download=true", LIVE),
        (f"{STAGING}odd/org/m/v1?file=a.json", LIVE),
    ],
)
def test_a_partial_download_belongs_to_the_hub_of_its_url(url: str, root: str) -> None:
    partial = {**file_row(None, revision="v1"), "url": url}
    rows = moved(files=[file_row(LIVE, "b.json")], partials=[partial])

    assert roots(rows["partials"]) == [root]


def test_a_note_belongs_to_the_hub_of_its_revision() -> None:
    note = {"id": f"{MODEL}/v2/a.json", "model": MODEL, "revision": "v2", "at": 1}
    rows = moved(files=[file_row(LIVE), file_row(STAGING, revision="v2")], missing=[note])

    assert roots(rows["missing"]) == [STAGING]


def test_the_only_imported_file_is_of_the_hub_that_others_name() -> None:
    recorded = earlier_databases(LIVE, "", "")["modelFiles"]["stores"]
    rows = add_roots({store: recorded[store]["rows"] for store in MODEL_FILES.migrations[0].stores})

    imported = [row for row in rows["files"] if row["file"] == IMPORTED_FILE]
    assert [row["hub"] for row in imported] == [None]
    assert len(rows["files"]) == len(recorded["files"]["rows"])
