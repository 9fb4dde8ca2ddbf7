"""Engines, snapshots and raw sessions of a hub that names models, revisions and files as Hugging Face's does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import modelden
from modelden import default_context
from modelden.errors import InputError, InvalidOption
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import PATIENCE, PageFetcher
from tests.simulators.hugging_face import HuggingFaceServer
from tests.simulators.profile import Profile
from tests.unit.conftest import BUNDLE, FILES, ORIGIN, TIMESTAMP, configured, write

ODD = {
    "a b.json": b"{}",
    "a+b.txt": b"plus",
    "100%.txt": b"percent",
    "a%20b.txt": b"escaped",
    "a#b?c;d=e&f.txt": b"reserved",
    "\u043c\u043e\u0434\u0435\u043b\u044c/\u00f6 \u6a21\u578b.txt": b"scripts",
    "e\u0301.txt": b"decomposed",
    "COM1.txt": b"reserved by Windows",
    "'\"<>|*:.txt": b"not on Windows",
}
REPOSITORY = {**FILES, "tokenizer_config.json": b"{}", "onnx/model_quantized.onnx": b"\x3a\x00", **ODD}
WEIGHTS = "onnx/model_quantized.onnx"
MOVING = ("main", "refs/pr/1", "feature/x")
CURRENT_NAME = "openai-community/gpt2"


class Hub:
    """The hub, and a page that may load from it."""

    def __init__(self, server: HuggingFaceServer, profile: Profile) -> None:
        self.server = server
        self.profile = profile

    def visit(self) -> None:
        """Load a page."""
        default_context.page.context = self.profile.visit()


@pytest.fixture
async def hub(
    request: pytest.FixtureRequest, tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hub]:
    for path, data in REPOSITORY.items():
        write(tmp_path / "repository" / path, data)
    application = Application(Tree(tree))
    model = getattr(request, "param", "org/model")
    with (
        RunningServer(application) as settings,
        HuggingFaceServer(CURRENT_NAME if model == "gpt2" else model, tmp_path / "repository") as server,
    ):
        server.hub.former = "gpt2"
        allowed = {"id": "allow", "filter": "ALLOW", "urlPrefix": server.url, "last_modified": TIMESTAMP}
        admission = {"timestamp": TIMESTAMP, "records": [allowed]}
        write(tree / "settings/main/ml-model-allow-deny-list.json", json.dumps(admission).encode())
        config = replace(
            configured(application, settings.url),
            hub_root_url=server.url,
            hub_url_template="{model}/resolve/{revision}",
        )
        profile = Profile(config, PageFetcher(patience=PATIENCE), BUNDLE, ScriptedEngines(list(FILES)))
        page = default_context.Page()
        page.config, page.stored_bytecode = config, asyncio.get_running_loop().create_future()
        monkeypatch.setattr(default_context, "page", page)
        made = Hub(server, profile)
        made.visit()
        yield made
        await profile.close()


NAMES = [
    ("gpt2", "main"),
    ("gpt2", "refs/pr/1"),
    ("my_org.ai/Model_1.0", "v1_0"),
    ("01-ai/Yi--x", "feature/x"),
    ("_a/-b", "refs/tags/v1"),
    ("org/model", "commit"),
]


@pytest.mark.parametrize(("hub", "revision"), NAMES, indirect=["hub"], ids=str)
async def test_an_engine_of_any_name(hub: Hub, request: pytest.FixtureRequest, revision: str) -> None:
    model: Any = request.node.callspec.params["hub"]
    revision = hub.server.hub.commit if revision == "commit" else revision
    options = {"task_name": "feature-extraction", "model_id": model, "model_revision": revision, "dtype": "q8"}
    await (await modelden.create_engine(options)).close()
    hub.server.requests()
    hub.visit()

    engine = await modelden.create_engine(options)

    requests = hub.server.requests()
    assert not [each for each in requests if each.startswith("GET")]
    assert bool(requests) == (revision in MOVING)  # a tag and a commit do not move
    assert await engine.run("a text")
    (update,) = await modelden.check_updates()
    assert update.status == "up-to-date"
    await engine.close()
    (stored,) = await modelden.ModelHub().list_models()
    assert (stored.name, stored.revision) == (f"localhost/{model}", revision)
    assert (await modelden.export_model(stored.name, revision)).size
    await modelden.ModelHub().delete_models(model=stored.name, revision=revision)
    (await modelden.load_session(model, WEIGHTS, revision=revision)).close()


PLACES = {
    "encoder_quantized.onnx": {"subfolder": "", "model_file_name": "encoder"},
    "\u0432\u0435\u0441\u0430 1/model_quantized.onnx": {"subfolder": "\u0432\u0435\u0441\u0430 1"},
    "onnx/a+b_quantized.onnx": {"model_file_name": "a+b"},
}


@pytest.mark.parametrize("path", PLACES)
async def test_weights_in_another_place(hub: Hub, path: str) -> None:
    folder = hub.server.hub.folder
    write(folder / path, REPOSITORY[WEIGHTS])
    (folder / WEIGHTS).unlink()
    options = {"task_name": "feature-extraction", "model_id": "org/model", "dtype": "q8", **PLACES[path]}
    needed = await modelden.availability(options, network=True)
    assert (needed.status, {url.partition("?")[0].rpartition("/")[2] for url in needed.missing}) == (
        "downloadable",
        {"runtime.wasm", "config.json", "tokenizer.json", "tokenizer_config.json", quote(Path(path).name)},
    )

    engine = await modelden.create_engine(options)

    created = hub.profile.engines.workers[-1].created
    assert (created.get("subfolder"), created.get("modelFileName")) == (
        PLACES[path].get("subfolder"),
        PLACES[path].get("model_file_name"),
    )
    assert path in hub.profile.engines.workers[-1].received
    assert (await modelden.availability(options)).status == "available"
    await engine.close()


@pytest.mark.parametrize(
    "place",
    [{"subfolder": "../x"}, {"subfolder": "/x"}, {"subfolder": 5}, {"model_file_name": ""}, {"subfolder": "a//b"}],
)
async def test_no_hub_has_such_a_place(hub: Hub, place: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=r"subfolder|modelFileName"):
        await modelden.create_engine(task_name="feature-extraction", model_id="org/model", **place)
    assert hub.server.requests() == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("revision", ["main", "refs/pr/1"])
async def test_a_snapshot_has_files_of_any_name(tmp_path: Path, revision: str) -> None:
    files = await modelden.snapshot_download("org/model", revision=revision)
    assert {file.path: await file.blob.read() for file in files} == REPOSITORY

    await modelden.snapshot_download("org/model", revision=revision, local_dir=tmp_path / "copy")
    assert {path: (tmp_path / "copy" / path).read_bytes() for path in REPOSITORY} == REPOSITORY


@pytest.mark.parametrize(
    "revision", ["", "a//b", "../main", "a\\b", "a\nb", pytest.param("a" * 1001, id="long"), "\ud83d"]
)
async def test_no_hub_has_such_a_revision(hub: Hub, revision: str) -> None:
    with pytest.raises(InputError, match=r"modelRevision.*(Should be a branch, a tag or a commit|Should be a string)"):
        await modelden.create_engine(task_name="feature-extraction", model_id="org/model", model_revision=revision)
    assert hub.server.requests() == []


@pytest.mark.usefixtures("hub")
async def test_a_revision_of_mozillas_hub_has_firefoxs_form() -> None:
    with pytest.raises(InvalidOption, match="Should be 'main' or follow a versioning pattern"):
        await modelden.create_engine(task_name="feature-extraction", model_hub="mozilla", model_revision="v1_0")
    with pytest.raises(InvalidOption, match="versioning pattern"):
        modelden.PipelineOptions.of({"modelRevision": "refs/pr/1"})
    for options in ({"modelHub": "huggingface"}, {"modelHubRootUrl": ORIGIN}):
        of_another = modelden.PipelineOptions.of({"modelRevision": "refs/pr/1", **options})
        assert of_another.updated({"tokenizer_revision": "v1_0"}).tokenizer_revision == "v1_0"
