"""The files of a model by a manifest, by a hub, or unknown; and its card."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from modelden import default_context
from modelden.engine.options import PipelineOptions
from modelden.errors import (
    FileNotFoundOnHub,
    ForbiddenURL,
    InputError,
    NetworkError,
    ResponseTooLarge,
    UnknownTask,
)
from modelden.host.serve.cors import AnyOrigin
from modelden.model_hub import ModelHub
from tests.simulators.fetcher import AsgiFetcher, PageFetcher
from tests.unit.conftest import FILES, ORIGIN, write

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from modelden.host.serve.server import Application
    from tests.simulators.profile import Profile

WEIGHTS = "onnx/model_quantized.onnx"
TASK = "feature-extraction"
MODEL, REVISION = "org/tiny", "v1.0"
ALLOWED = [{"filter": "ALLOW", "urlPrefix": f"{ORIGIN}/hub/"}]


def listed(path: str, content: bytes, *, lfs: bool = False) -> dict[str, Any]:
    """A file in Hugging Face's words."""
    entry = {"type": "file", "oid": hashlib.sha1(content, usedforsecurity=False).hexdigest(), "path": path}
    pointer = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return {**entry, "size": len(content), **({"lfs": pointer} if lfs else {})}


TREE = [
    {"type": "directory", "oid": "0" * 40, "size": 0, "path": "onnx"},
    *(listed(path, content, lfs=path == WEIGHTS) for path, content in FILES.items()),
    listed("onnx/model.onnx", bytes(2_000_000), lfs=True),
    listed("tokenizer_config.json", b"{}"),
    listed("model.safetensors", bytes(1000), lfs=True),
    listed("README.md", b"# Tiny"),
]


class TreeHub:
    """Lists repositories as Hugging Face does, two files on a page; the rest is the application's."""

    def __init__(self, application: Application) -> None:
        self.body: str | None = None
        self.exposed = ("Link",)
        routes = [Route("/hub/api/models/org/tiny/tree/v1.0", self._tree), Mount("/", application)]
        self._app = Starlette(routes=routes)

    async def __call__(self, *args: Any) -> None:
        await self._app(*args)

    async def _tree(self, request: Request) -> Any:
        return AnyOrigin(self._page(request), self.exposed)

    def _page(self, request: Request) -> Response:
        if self.body is not None:
            return Response(self.body)
        first = int(request.query_params.get("cursor", "0"))
        following = f"{request.url.include_query_params(cursor=first + 2)}"
        headers = {"Link": f'<{following}>; rel="next"'} if first + 2 < len(TREE) else {}
        return JSONResponse(TREE[first : first + 2], headers=headers)


@pytest.fixture
def tree_hub(profile: Profile, application: Application) -> TreeHub:
    hub = TreeHub(application)
    profile.fetcher = AsgiFetcher(hub)
    return hub


@pytest.fixture
def hub(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> ModelHub:
    """The hub of a new page, with manifests."""
    return open_hub(profile, monkeypatch)


def open_hub(profile: Profile, monkeypatch: pytest.MonkeyPatch, *, manifests: bool = False) -> ModelHub:
    context = profile.visit(replace(profile.config, manifests=manifests))
    monkeypatch.setattr(default_context.page, "context", context)
    return ModelHub(allow_deny_list=ALLOWED)


async def download(hub: ModelHub, path: str) -> None:
    await hub.get_model_file(task_name=TASK, model=MODEL, revision=REVISION, file=path)


@pytest.mark.usefixtures("tree_hub")
async def test_a_hub_that_lists_its_files_tells_their_sizes(hub: ModelHub) -> None:
    await download(hub, "config.json")
    listing = await hub.model_files(MODEL, REVISION, task=TASK)

    assert (listing.source, listing.reason) == ("tree", None)
    assert {file.path: file.size for file in listing.files} == {
        each["path"]: each["size"] for each in TREE if each["type"] == "file"
    }
    assert {file.path for file in listing.to_download} == {WEIGHTS, "tokenizer.json", "tokenizer_config.json"}
    assert listing.download_size == len(FILES[WEIGHTS]) + len(FILES["tokenizer.json"]) + 2
    by_path = {file.path: file for file in listing.files}
    assert (by_path["config.json"].stored, by_path["config.json"].needed) == (True, True)
    assert by_path["onnx/model.onnx"].needed is False
    assert by_path["model.safetensors"].role.never == "weights of another framework"
    assert by_path[WEIGHTS].sha256 == hashlib.sha256(FILES[WEIGHTS]).hexdigest()
    assert by_path["README.md"].sha256 is None
    assert listing.missing == ()

    wanted = await hub.model_files(MODEL, REVISION, task=TASK, dtype="fp16")
    assert [file.path for file in wanted.missing] == ["onnx/model_fp16.onnx"]
    assert wanted.download_size is None


@pytest.mark.usefixtures("tree_hub")
async def test_without_a_task_nothing_is_said_of_needs(hub: ModelHub) -> None:
    assert {file.needed for file in (await hub.model_files(MODEL, REVISION)).files} == {None}


async def test_a_plain_hub_leaves_sizes_open_and_says_so(hub: ModelHub) -> None:
    await download(hub, "config.json")
    listing = await hub.model_files(MODEL, REVISION, task=TASK)

    assert (listing.source, listing.missing, listing.download_size) == ("unknown", (), None)
    assert listing.reason is not None
    assert f"{ORIGIN}/hub does not list its files. " in listing.reason
    assert "404" in listing.reason
    assert {file.path: file.size for file in listing.files} == {
        "config.json": len(FILES["config.json"]),
        WEIGHTS: None,
        "tokenizer.json": None,
        "tokenizer_config.json": None,
    }


NO_LISTS = {
    "a web page": "<!doctype html><title>Models</title>",
    "another object": '{"error": "no"}',
    "a list of something else": "[1, 2]",
    "a size that is none": '[{"type": "file", "path": "x", "size": "1"}]',
    "very deep": "[" * 100_000,
}


@pytest.mark.parametrize("answer", NO_LISTS)
async def test_what_is_no_list_is_not_taken_for_one(tree_hub: TreeHub, hub: ModelHub, answer: str) -> None:
    tree_hub.body = NO_LISTS[answer]
    listing = await hub.model_files(MODEL, REVISION)
    assert (listing.files, listing.source) == ((), "unknown")
    assert "expected the list of a repository's files" in str(listing.reason)


async def test_a_hub_that_is_gone_lists_nothing_and_has_no_card(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile.fetcher = PageFetcher()
    open_hub(profile, monkeypatch)
    dead_hub = ModelHub("http://localhost:1/", allow_deny_list=[])

    listing = await dead_hub.model_files(MODEL, REVISION)
    assert (listing.files, listing.source) == ((), "unknown")
    assert str(listing.reason).startswith("http://localhost:1/ does not list its files. ")
    with pytest.raises(NetworkError):
        await dead_hub.model_card(MODEL, REVISION)


async def test_a_signed_manifest_counts_before_the_hub(
    profile: Profile, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = FILES[WEIGHTS]
    files = [{"path": WEIGHTS, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}]
    record = {"id": "tiny", "modelId": MODEL, "revision": REVISION, "files": files}
    application.collections.add("main", "ml-model-manifests", [record], 1_700_000_000_000)
    hub = open_hub(profile, monkeypatch, manifests=True)

    listing = await hub.model_files(MODEL, REVISION)
    assert listing.source == "manifest"
    assert [(file.path, file.size, file.sha256) for file in listing.files] == [tuple(files[0].values())]
    assert not any("/api/models/" in each for each in profile.requests())
    assert (await hub.model_files(MODEL, "v9")).source == "unknown"


@pytest.mark.usefixtures("hub")
async def test_a_denied_model_is_not_looked_at(profile: Profile) -> None:
    closed = ModelHub(allow_deny_list=[*ALLOWED, {"filter": "DENY", "urlPrefix": f"{ORIGIN}/hub/org/"}])
    for looking in (closed.model_files(MODEL, REVISION), closed.model_card(MODEL, REVISION)):
        with pytest.raises(ForbiddenURL):
            await looking
    assert profile.requests() == []


async def test_what_cannot_be_is_refused_before_any_request(profile: Profile, hub: ModelHub) -> None:
    with pytest.raises(InputError, match="dtype: expected one of fp32"):
        await hub.model_files(MODEL, REVISION, dtype="int4")
    with pytest.raises(UnknownTask):
        await hub.model_files(MODEL, REVISION, task="cooking")
    with pytest.raises(InputError, match="Invalid model name"):
        await hub.model_files("../x", REVISION)
    assert profile.requests() == []


async def test_a_model_card_is_read_and_not_kept(hub: ModelHub, tree: Path) -> None:
    folder = tree / "hub/org/tiny/v1.0"
    with pytest.raises(FileNotFoundOnHub):
        await hub.model_card(MODEL, REVISION)
    write(folder / "model_card.json", b'{"title": "Tiny"}')
    assert await hub.model_card(MODEL, REVISION) == '{"title": "Tiny"}'
    write(folder / "README.md", "# Tiny, für alle".encode())
    assert await hub.model_card(MODEL, REVISION) == "# Tiny, für alle"
    assert await hub.list_models() == []

    write(folder / "README.md", bytes(3_000_000))
    with pytest.raises(ResponseTooLarge):
        await hub.model_card(MODEL, REVISION)


async def test_a_card_that_is_kept_needs_no_request(profile: Profile, hub: ModelHub, tree: Path) -> None:
    write(tree / "hub/org/tiny/v1.0/README.md", b"# Tiny")
    await download(hub, "README.md")
    profile.requests()
    assert (await hub.model_card(MODEL, REVISION), profile.requests()) == ("# Tiny", [])


async def test_who_asks_for_a_dtype_that_a_model_lacks_is_told_what_it_has(profile: Profile, tree_hub: TreeHub) -> None:
    request = PipelineOptions.of({"task_name": TASK, "model_id": MODEL, "model_revision": REVISION, "dtype": "q4"})
    profile.engines.files = ["config.json", "onnx/model_q4.onnx"]

    with pytest.raises(FileNotFoundOnHub, match="it has the dtypes fp32, q8: name one of them") as caught:
        await profile.visit().create_engine(request)
    assert caught.value.dtypes == ("fp32", "q8")

    tree_hub.body = "[]"
    with pytest.raises(FileNotFoundOnHub, match="check both names") as caught:
        await profile.visit().create_engine(request)
    assert caught.value.dtypes == ()


async def test_a_hub_that_lists_nothing_names_no_dtypes(profile: Profile) -> None:
    request = PipelineOptions.of({"task_name": TASK, "model_id": MODEL, "model_revision": REVISION, "dtype": "q4"})
    profile.engines.files = ["onnx/model_q4.onnx"]

    with pytest.raises(FileNotFoundOnHub, match="check both names"):
        await profile.visit().create_engine(request)
