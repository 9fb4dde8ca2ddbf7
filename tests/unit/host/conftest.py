from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from modelden.host.keys.certificates import SigningChain, new_chain
from modelden.host.keys.key_folder import save_keys
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.unit.host.publishing import add_runtime, publish_tiny, write_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

MODEL_FILE = bytes(range(256)) * 1000

RECORDS = [
    {"id": "b", "last_modified": 1_700_000_000_001, "taskName": "feature-extraction", "note": "é/'<\n"},
    {"id": "A", "last_modified": 1_700_000_000_002, "modelId": "acme/minilm", "nothing": None},
]


@pytest.fixture(scope="session")
def chain() -> SigningChain:
    """Created once, because an RSA-4096 key takes a second."""
    return new_chain()


@pytest.fixture
def tree(tmp_path: Path, chain: SigningChain) -> Path:
    folder = tmp_path / "tree"
    model = folder / "hub/acme/minilm/v1.0.0"
    (model / "onnx").mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "onnx/model.onnx").write_bytes(MODEL_FILE)
    (folder / "hub/acme/minilm/main").mkdir()
    (folder / "hub/acme/minilm/main/config.json").write_text("{}")
    (folder / "attachments/main-workspace").mkdir(parents=True)
    (folder / "attachments/main-workspace/runtime.wasm").write_bytes(b"\0asm")
    for name, records in (("options", RECORDS), ("empty", [])):
        path = folder / "settings/main" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"timestamp": 1_700_000_000_002, "records": records}))
    save_keys(folder / "keys", chain)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "pyodide").mkdir(parents=True)
    (folder / "index.html").write_text("<title>demo</title>")
    (folder / "page.mjs").write_text("export {}")
    (folder / "pyodide/pyodide.asm.wasm").write_bytes(b"\0asm")
    (folder / "pyodide/modelden-0.1.0-py3-none-any.whl").write_bytes(b"PK")
    return folder


@pytest.fixture
def application(tree: Path, site: Path) -> Application:
    return Application(Tree(tree), site, switches=True)


@pytest.fixture
def published(tmp_path: Path, chain: SigningChain) -> Path:
    """A tree with the tiny model and no runtime."""
    publish_tiny(tmp_path / "tree", chain, tmp_path / "model")
    return tmp_path / "tree"


@pytest.fixture(scope="session")
def complete_tree_template(tmp_path_factory: pytest.TempPathFactory, chain: SigningChain) -> Path:
    folder = tmp_path_factory.mktemp("published")
    publish_tiny(folder / "tree", chain, folder / "model")
    add_runtime(folder / "tree", chain)
    return folder / "tree"


@pytest.fixture
def complete_tree(complete_tree_template: Path, tmp_path: Path) -> Path:
    """A tree with the tiny model and the runtime, in which `modelden verify` finds no fault."""
    return Path(shutil.copytree(complete_tree_template, tmp_path / "tree"))


@pytest.fixture
def workspace(tmp_path: Path, chain: SigningChain) -> Path:
    """A folder with keys and a model repository, in which commands run."""
    save_keys(tmp_path / "keys", chain)
    write_repository(tmp_path / "model")
    (tmp_path / "model/model.safetensors").write_bytes(b"weights")
    return tmp_path


class SwitchedApplication:
    """One running server for all tests, since stopping one takes 0.2 s. Each test sets its application."""

    def __init__(self) -> None:
        self.application: Application | None = None
        self.server = RunningServer(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.application is not None
        await self.application(scope, receive, send)


@pytest.fixture(scope="session")
def switched() -> Iterator[SwitchedApplication]:
    switched = SwitchedApplication()
    with switched.server:
        yield switched


@pytest.fixture(scope="session")
def connected(switched: SwitchedApplication) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=switched.server.url) as client:
        yield client


@pytest.fixture
def server(switched: SwitchedApplication, application: Application) -> RunningServer:
    switched.application = application
    return switched.server


@pytest.fixture
def client(connected: httpx.Client, server: RunningServer) -> httpx.Client:
    assert str(connected.base_url) == server.url
    return connected
