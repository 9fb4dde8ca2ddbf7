"""Models of a hub that answers as Hugging Face's does, whose headers pages may read, or may not."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest

from modelden.host.testing import Fault
from tests.pyodide.browser_page import HERE, assert_whole_files
from tests.pyodide.servers import MODEL, TASK, WEIGHTS
from tests.simulators.hugging_face import TOKEN, HuggingFaceServer
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.pyodide.browser_page import Page
    from tests.pyodide.engines_page import Engines
    from tests.pyodide.servers import Site

BRANCH = "main"
OLD, NEW = tiny_model("v1"), tiny_model("v2")
BIG = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(200_000))
FILES = {path: hashlib.sha256(data).hexdigest() for path, data in OLD.items()}
LIST = f"GET /api/models/{MODEL}/revision/{BRANCH}"
ENGINE = {"engineId": "hf", "taskName": TASK, "modelId": MODEL, "modelRevision": BRANCH, "dtype": "q8", "timeoutMS": -1}


@pytest.fixture(params=[True, False], ids=["exposed", "hidden"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HuggingFaceServer]:
    write(tmp_path, OLD)
    with HuggingFaceServer(MODEL, tmp_path, exposed=request.param) as hub:
        yield hub


@pytest.fixture
def call(page: Page) -> Callable[..., Any]:
    page.add_module("in_page_hugging_face.py", (HERE / "in_page_hugging_face.py").read_text("utf-8"))
    return partial(page.call, module="in_page_hugging_face")


def write(folder: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def bodies(requests: list[str]) -> list[str]:
    """The paths of the files whose bytes were asked for."""
    cache, storage = f"GET /api/resolve-cache/models/{MODEL}/", "GET /xet-bridge/"
    small = [each.removeprefix(cache).partition("/")[2] for each in requests if each.startswith(cache)]
    return sorted(
        unquote(path)
        for path in [*small, *(each.removeprefix(storage) for each in requests if each.startswith(storage))]
    )


ODD = {"modelRevision": "refs/pr/1", "subfolder": "\u0432\u0435\u0441\u0430 1", "modelFileName": "a+b"}
"""Names that Mozilla's hub cannot have."""

ODD_WEIGHTS = "\u0432\u0435\u0441\u0430 1/a+b_quantized.onnx"


def moved(files: dict[str, bytes], weights: str) -> dict[str, bytes]:
    """The files with their weights at another path."""
    return {weights if path == WEIGHTS else path: data for path, data in files.items()}


def test_an_engine_of_a_branch_is_checked_by_one_list_and_updated(
    engines: Engines, call: Callable[..., Any], site: Site, hub: HuggingFaceServer
) -> None:
    config = {
        **site.config,
        "hub_root_url": hub.url,
        "hub_url_template": "{model}/resolve/{revision}",
        "require_hashes": True,
    }
    request, list_request, weights = ENGINE, LIST, WEIGHTS
    if not hub.exposed:  # the names of a pull request and of another place, once
        request, list_request, weights = ENGINE | ODD, LIST.replace(BRANCH, "refs%2Fpr%2F1"), ODD_WEIGHTS
        (hub.hub.folder / WEIGHTS).unlink()
    write(hub.hub.folder, old_files := moved(OLD, weights))
    new_files = moved(NEW, weights)
    engines.call("create", config=config, **request)
    old = engines.call("run", engine_id="hf")
    requests = hub.requests()
    assert requests.count(list_request) == 1
    assert requests.index(list_request) < requests.index(f"GET /{MODEL}/resolve/{hub.hub.commit}/{quote(weights)}")
    stored = call("stored")
    assert set(bodies(requests)) == set(stored)
    assert {path: file[1:] for path, file in stored.items()} == {
        path: [hashlib.sha256(old_files[path]).hexdigest(), "hub"] for path in stored
    }
    assert_whole_files(engines.page.stored()["modelFiles"])
    engines.call("close_all")

    engines.call("create", config=config, **request)
    assert engines.call("run", engine_id="hf") == old
    assert bodies(hub.requests()) == []
    engines.call("close_all")

    write(hub.hub.folder, new_files)
    changed = sorted(path for path in stored if new_files[path] != old_files[path])
    engines.call("create", config=config, **request)
    assert engines.call("run", engine_id="hf") != old
    assert bodies(hub.requests()) == changed
    assert {path: file[1] for path, file in call("stored").items()} == {
        path: hashlib.sha256(new_files[path]).hexdigest() for path in stored
    }
    engines.call("close_all")


def test_a_snapshot_needs_the_terms_of_a_gated_model(
    page: Page, call: Callable[..., Any], hub: HuggingFaceServer
) -> None:
    hub.hub.gated = True
    refused = call("snapshot", root_url=hub.url, model=MODEL, revision=BRANCH)
    assert "later" not in refused["error"]["message"]
    for word in ("terms", "token"):
        assert word in refused["error"]["message"]
    assert refused["error"]["name"] == "AccessDenied"
    assert refused["code"] == ("GatedRepo" if hub.exposed else None)
    assert page.stored()["modelFiles"]["headers"] == []

    got = call("snapshot", root_url=hub.url, model=MODEL, revision="v1", token=TOKEN)
    assert got == {"error": None, "files": {path: [digest, "hub"] for path, digest in FILES.items()}}
    assert_whole_files(page.stored()["modelFiles"])
    requests = hub.requests()
    assert requests.count(f"GET /api/models/{MODEL}/revision/v1") == 1
    call("snapshot", root_url=hub.url, model=MODEL, revision="v1", token=TOKEN)
    assert bodies(hub.requests()) == []


def test_what_is_not_there_or_blocked_is_told(call: Callable[..., Any], hub: HuggingFaceServer) -> None:
    fetched = partial(call, "fetched", root_url=hub.url)
    typos = {
        "RepoNotFound": (fetched(model="test/tinny", revision=BRANCH, file="config.json"), "check the name"),
        "RevisionNotFound": (fetched(model=MODEL, revision="v11", file="config.json"), "v11"),
        "EntryNotFound": (fetched(model=MODEL, revision=BRANCH, file="confg.json"), "The hub has no confg.json"),
    }
    for code, (answer, text) in typos.items():
        assert text in answer["error"]["message"]
        assert "later" not in answer["error"]["message"]
        assert answer["code"] == (code if hub.exposed else None)
        if hub.exposed:
            assert answer["error"]["name"] == "FileNotFoundOnHub"
    hub.hub.status = 451
    answer = fetched(model=MODEL, revision=BRANCH, file="config.json")
    assert answer["error"]["name"] == "AccessDenied"
    assert "blocked for legal reasons" in answer["error"]["message"]
    missing = call("snapshot", root_url=hub.url, model="test/tinny", revision=BRANCH)
    assert missing["error"]["name"] == ("FileNotFoundOnHub" if hub.exposed else "AccessDenied")
    assert "check the name" in missing["error"]["message"]


def test_an_interrupted_download_goes_on_and_is_checked(
    page: Page, call: Callable[..., Any], hub: HuggingFaceServer
) -> None:
    write(hub.hub.folder, {WEIGHTS: BIG})
    cut = Fault(path="/xet-bridge/*", method="GET", cut_after=len(BIG) // 2, times=1)
    hub.storage_faults.set(cut, Fault(path="/xet-bridge/*", method="GET", status=403))
    arguments = {"root_url": hub.url, "model": MODEL, "revision": BRANCH, "file": WEIGHTS}
    assert call("fetched", **arguments)["error"] is not None
    hub.storage_faults.set()

    got = call("fetched", **arguments)
    assert got == {"error": None, "sha256": hashlib.sha256(BIG).hexdigest(), "integrity": "hub", "foreign": []}
    assert_whole_files(page.stored()["modelFiles"])
