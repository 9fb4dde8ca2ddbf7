from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from modelden.config import Configuration
from modelden.engine.runtime_selection import Bundle
from modelden.host.keys.key_folder import save_keys
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.replay import replay_chain
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import PATIENCE, AsgiFetcher, PageFetcher
from tests.simulators.profile import Profile

# A machine is shared and noisy: how long an example takes says nothing.
settings.register_profile("modelden", deadline=None)
settings.load_profile("modelden")

CHAOS_SEED = int(os.environ.get("MODELDEN_CHAOS_SEED", "1"))
"""Chooses the calls that fail in `test_chaos`."""

ORIGIN = "http://localhost:8642"
HUB_ROOT = f"{ORIGIN}/hub/"

WASM = b"\0asm" + bytes(range(256)) * 1000

FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b'{"version": "1.0"}',
    "onnx/model_quantized.onnx": bytes(range(255)) * 1000,
}

RECORDS: dict[str, list[dict[str, Any]]] = {
    "ml-inference-options": [
        {
            "id": "options",
            "featureId": "simple-text-embedder",
            "taskName": "feature-extraction",
            "modelId": "org/tiny",
            "modelRevision": "v1.0",
            "dtype": "q8",
        },
        {"id": "summaries", "taskName": "summarization", "modelId": "org/tiny", "modelRevision": "main"},
    ],
    "ml-onnx-runtime": [
        {
            "id": "runtime",
            "name": "runtime.wasm",
            "version": "5.0",
            "attachment": {
                "location": "main-workspace/ml-onnx-runtime/runtime.wasm",
                "size": len(WASM),
                "hash": hashlib.sha256(WASM).hexdigest(),
                "filename": "runtime.wasm",
                "mimetype": "application/wasm",
            },
        }
    ],
    "ml-model-allow-deny-list": [{"id": "allow", "filter": "ALLOW", "urlPrefix": f"{ORIGIN}/hub/"}],
}

TIMESTAMP = 1_700_000_000_000


def pytest_report_header() -> str:
    """Print what replays this run."""
    return f"faults of test_chaos: MODELDEN_CHAOS_SEED={CHAOS_SEED}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A published tree, with keys."""
    return write_tree(tmp_path / "tree")


def write_tree(folder: Path) -> Path:
    """Write a published tree, with keys."""
    for revision in ("v1.0", "main"):
        for name, content in FILES.items():
            write(folder / "hub/org/tiny" / revision / name, content)
    for name, records in RECORDS.items():
        published = [{"last_modified": TIMESTAMP, **each} for each in records]
        collection = json.dumps({"timestamp": TIMESTAMP, "records": published})
        write(folder / f"settings/main/{name}.json", collection.encode())
    write(folder / "attachments/main-workspace/ml-onnx-runtime/runtime.wasm", WASM)
    save_keys(folder / "keys", replay_chain())
    return folder


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def application(tree: Path) -> Application:
    """The real server, in this process."""
    return Application(Tree(tree))


BUNDLE = Bundle(
    5,
    "engine-5.js",
    "runtime.wasm",
    "runtime.mjs",
    hashlib.sha256(WASM).hexdigest(),
    "1.22.0-dev",
    "3.8.1",
    ("wasm", "webgpu"),
)


@pytest.fixture
def bundle() -> Bundle:
    return BUNDLE


@pytest.fixture
async def profile(application: Application, bundle: Bundle) -> AsyncIterator[Profile]:
    """A new browser profile that is configured for the server, which answers in this process."""
    made = Profile(configured(application, ORIGIN), AsgiFetcher(application), bundle, ScriptedEngines(list(FILES)))
    yield made
    await made.close()


@pytest.fixture
async def socket_profile(application: Application, bundle: Bundle) -> AsyncIterator[Profile]:
    """The same over real connections, which can break."""
    with RunningServer(application) as server:
        made = Profile(
            configured(application, server.url), PageFetcher(patience=PATIENCE), bundle, ScriptedEngines(list(FILES))
        )
        yield made
        await made.close()


def configured(application: Application, origin: str) -> Configuration:
    return Configuration(settings_server=f"{origin}/v1", root_hash=application.root_hash, hub_root_url=f"{origin}/hub")
