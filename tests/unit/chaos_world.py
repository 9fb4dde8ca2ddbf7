"""Servers and browser profiles for `test_chaos`: everything that many episodes share."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from shutil import copytree

from modelden.config import Configuration
from modelden.engine.runtime_selection import Bundle
from modelden.host.keys.crypto import HostCrypto
from modelden.host.keys.key_folder import save_keys
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application
from modelden.settings.chain import Certificate
from tests.onnx_bodies import onnx_body
from tests.replay import replay_chain
from tests.simulators.database import MemoryDatabase, MemoryDatabases
from tests.simulators.engines import ScriptedEngines
from tests.simulators.profile import Profile
from tests.simulators.recorded_fetcher import RecordedFetcher
from tests.unit.conftest import FILES, ORIGIN, RECORDS, TIMESTAMP, configured, write

WEIGHTS = "onnx/model_quantized.onnx"
OLD = onnx_body(2290)
NEW = onnx_body(2298)

INITIAL = "initial"
CHANGED = "changed"
"""The branch ``main`` has other weights, and settings name another revision."""

_WASM = b"\0asm" + bytes(range(250)) * 8
_DIGEST = hashlib.sha256(_WASM).hexdigest()
_OPTIONS = "settings/main/ml-inference-options.json"


class World:
    """Two states of the servers, and new profiles for them."""

    def __init__(self, folder: Path) -> None:
        trees = {INITIAL: folder / INITIAL, CHANGED: folder / CHANGED}
        _publish(trees[INITIAL])
        copytree(trees[INITIAL], trees[CHANGED])
        _change(trees[CHANGED])
        servers = {state: Application(Tree(tree)) for state, tree in trees.items()}
        self.config: Configuration = configured(servers[INITIAL], ORIGIN)
        self._fetchers = {state: RecordedFetcher(server) for state, server in servers.items()}
        self._crypto = _CachedCrypto()
        self._bundle = Bundle(
            5, "engine-5.js", "runtime.wasm", "runtime.mjs", _DIGEST, "1.22.0-dev", "3.8.1", ("wasm", "webgpu")
        )

    def profile(self, state: str, databases: MemoryDatabases) -> Profile:
        """Return a profile with a copy of these databases."""
        profile = Profile(self.config, self._fetchers[state], self._bundle, ScriptedEngines(list(FILES)))
        profile.crypto = self._crypto
        profile.databases = _copy(databases)
        profile.page.stored = profile.databases.bytes_of_models
        return profile


class _CachedCrypto(HostCrypto):
    """Verifies each signature once."""

    def __init__(self) -> None:
        self._chains: dict[str, list[Certificate]] = {}
        self._verdicts: dict[tuple[bytes, ...], bool] = {}

    async def read_chain(self, pem: str) -> list[Certificate]:
        if pem not in self._chains:
            self._chains[pem] = await super().read_chain(pem)
        return self._chains[pem]

    async def verify_p384(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        key = (public_key, message, signature)
        if key not in self._verdicts:
            self._verdicts[key] = await super().verify_p384(public_key, message, signature)
        return self._verdicts[key]


def _publish(tree: Path) -> None:
    for revision in ("v1.0", "main", "v2.0"):
        for name, content in FILES.items():
            write(tree / "hub/org/tiny" / revision / name, OLD if name == WEIGHTS else content)
    write(tree / "hub/org/raw/v1.0/onnx/model.onnx", b"beside:weights.bin")
    write(tree / "hub/org/raw/v1.0/onnx/weights.bin", OLD)
    runtime = {**RECORDS["ml-onnx-runtime"][0]}
    runtime["attachment"] = {**runtime["attachment"], "size": len(_WASM), "hash": _DIGEST}
    for name, records in {**RECORDS, "ml-onnx-runtime": [runtime]}.items():
        published = [{"last_modified": TIMESTAMP, **record} for record in records]
        collection = json.dumps({"timestamp": TIMESTAMP, "records": published})
        write(tree / f"settings/main/{name}.json", collection.encode())
    write(tree / "attachments/main-workspace/ml-onnx-runtime/runtime.wasm", _WASM)
    save_keys(tree / "keys", replay_chain())


def _change(tree: Path) -> None:
    write(tree / "hub/org/tiny/main" / WEIGHTS, NEW)
    options = json.loads((tree / _OPTIONS).read_text())
    options["timestamp"] += 1
    options["records"][0] |= {"modelRevision": "v2.0", "last_modified": options["timestamp"]}
    write(tree / _OPTIONS, json.dumps(options).encode())


def _copy(databases: MemoryDatabases) -> MemoryDatabases:
    copied = MemoryDatabases()
    for name, database in databases.opened.items():
        copied.opened[name] = MemoryDatabase(database.schema)
        copied.opened[name].rows = {store: dict(rows) for store, rows in database.rows.items()}
    return copied
