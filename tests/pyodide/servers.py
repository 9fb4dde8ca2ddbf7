"""Local servers for pages: the real `modelden.host` over small trees, or over the demo's."""

from __future__ import annotations

import hashlib
import json
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from modelden.host.keys.key_folder import save_keys
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.replay import replay_chain
from tests.tiny_model import tiny_model
from tests.tiny_models.__main__ import write as write_tiny_models

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from modelden.host.publish.collections import Collection
    from modelden.host.testing import Fault

type Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
ORT = ROOT / "node_modules/onnxruntime-web/dist"
JSEP = ORT / "ort-wasm-simd-threaded.jsep.wasm"
PLAIN = ORT / "ort-wasm-simd-threaded.wasm"
PACKAGE_6 = ROOT / "node_modules/transformers-6"
TRANSFORMERS_6: str = json.loads((PACKAGE_6 / "package.json").read_text("utf-8"))["version"]
RUNTIME_6 = PACKAGE_6 / "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"
RUNTIME_6_GPU = RUNTIME_6.with_name("ort-wasm-simd-threaded.asyncify.wasm")

MODEL, REVISION = "test/tiny", "v1"
LARGE_MODEL = "test/large"
BROKEN_MODEL = "test/broken"
TASK = "feature-extraction"
WEIGHTS = "onnx/model_quantized.onnx"
KEPT = f"localhost/{MODEL}"
"""The tiny model's name in the store."""


class Site:
    """A tree that is served: settings at one port, the hub at another, so that either can be down."""

    def __init__(self, folder: Path) -> None:
        """Open the tree; nothing is served yet."""
        self.folder = folder
        self.app = Application(Tree(folder))
        self.stall = Stall(self.app)
        self.settings = RunningServer(self.stall)
        self.hub = RunningServer(self.stall)

    def __enter__(self) -> Self:
        self.settings.start()
        self.hub.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.settings.stop()
        self.hub.stop()

    @property
    def config(self) -> Json:
        """The configuration of a page."""
        return {
            "settings_server": f"{self.settings.url}/v1",
            "root_hash": self.app.root_hash,
            "hub_root_url": f"{self.hub.url}/hub",
        }

    def hub_url(self, file: str, model: str = MODEL, revision: str = REVISION) -> str:
        """The URL at which pages ask for a file."""
        return f"{self.hub.url}/hub/{model}/{revision}/{file}?download=true"

    def collection(self, name: str) -> Collection:
        """One of the collections, to be changed."""
        return self.app.collections["main", name]

    def fault(self, *faults: Fault) -> None:
        """Put these faults in place of all others."""
        self.app.faults.set(*faults)

    def requests(self) -> list[str]:
        """Method and path of the requests since the last call."""
        entries = self.app.log.entries()
        self.app.log.clear()
        return [f"{entry.method} {entry.path.partition('?')[0]}" for entry in entries]

    def reset(self) -> None:
        """Forget faults and requests."""
        self.fault()
        self.requests()


class StaticServer(RunningServer):
    """A folder, for pages of any origin."""

    def __init__(self, folder: Path) -> None:
        """Nothing is served yet."""
        app = Starlette(routes=[Mount("/", StaticFiles(directory=folder))])
        super().__init__(CORSMiddleware(app, allow_origins=["*"]))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Stall:
    """Answers one path with the beginning of its body, and never ends until the client goes away."""

    BEGINNING = 2 * 1024 * 1024

    def __init__(self, app: ASGIApp) -> None:
        """Stall nothing yet."""
        self._app = app
        self.path: str | None = None
        self.client_disconnect = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, but for the path."""
        if self.path is None or not fnmatchcase(scope["path"], self.path):
            await self._app(scope, receive, send)
            return
        sent = 0

        async def receive_or_notice() -> Message:
            # The application listens too, and whoever asks first is told.
            message = await receive()
            if message["type"] == "http.disconnect":
                self.client_disconnect.set()
            return message

        async def send_beginning(message: Message) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))
            if sent <= self.BEGINNING:
                await send(message)
                return
            while not self.client_disconnect.is_set():
                await receive_or_notice()

        await self._app(scope, receive_or_notice, send_beginning)


def write_tiny_tree(folder: Path) -> Path:
    """A tree with the tiny model, the real runtime and the key chain of the test run."""
    now = 1_700_000_000_000
    save_keys(folder / "keys", replay_chain())
    write_model(folder, MODEL)
    write_tiny_models(folder / "hub")
    write_model(folder, LARGE_MODEL, padding=2 * Stall.BEGINNING)
    write_model(folder, BROKEN_MODEL)
    (folder / "hub" / BROKEN_MODEL / REVISION / WEIGHTS).write_bytes(b"no model")
    for file in (JSEP, PLAIN):
        attach(folder, file.name, file.read_bytes())
    collections: dict[str, list[Json]] = {
        "ml-inference-options": [
            {
                "id": "options-tiny",
                "featureId": "tiny",
                "taskName": TASK,
                "modelId": MODEL,
                "modelRevision": REVISION,
                "dtype": "q8",
                "backend": "onnx",
            }
        ],
        "ml-onnx-runtime": [runtime_record(JSEP)],
        "ml-model-allow-deny-list": [{"id": "allow", "filter": "ALLOW", "urlPrefix": "http://localhost"}],
    }
    for name, records in collections.items():
        path = folder / "settings/main" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"timestamp": now, "records": records}), encoding="utf-8")
    return folder


def write_model(
    folder: Path, model: str, padding: int = 0, *, revision: str = REVISION, content: str = REVISION
) -> None:
    """Put a tiny model into a tree's hub under this name, with so many bytes more."""
    for name, data in tiny_model(content).items():
        path = folder / "hub" / model / revision / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data + _doc_string(padding) if name == WEIGHTS else data)


def _doc_string(size: int) -> bytes:
    """A field that every ONNX model may have at its end: in Protocol Buffers, text of field 6 of the model."""
    if not size:
        return b""
    length, rest = bytearray(), size
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return b"\x32" + bytes(length) + b"a" * size


def attach(folder: Path, name: str, data: bytes) -> None:
    """Put a file beside the runtime's attachment."""
    path = folder / "attachments/runtime" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def offer_runtime_6(site: Site, file: Path = RUNTIME_6, data: bytes | None = None) -> None:
    """From now on a site offers one file of runtime 6 besides what it offers; with other bytes if they are given."""
    name = f"6-{file.name}" if data is None else f"6-other-{file.name}"
    attach(site.folder, name, file.read_bytes() if data is None else data)
    record = runtime_record(site.folder / "attachments/runtime" / name)
    record["attachment"]["filename"] = file.name
    site.collection("ml-onnx-runtime").publish({**record, "id": name, "name": file.name, "version": "6.0"})


def runtime_record(file: Path) -> Json:
    """The record of a runtime whose attachment lies at ``attachments/runtime``."""
    data = file.read_bytes()
    return {
        "id": "runtime",
        "name": JSEP.name,
        "version": "5.0",
        "attachment": {
            "location": f"runtime/{file.name}",
            "hash": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "filename": file.name,
            "mimetype": "application/wasm",
        },
    }
