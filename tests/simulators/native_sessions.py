"""Workers with raw models that really run, by onnxruntime on CPython; what they say is in onnxruntime-web's form."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx.external_data_helper import ExternalDataInfo, _get_all_tensors, uses_external_data

from modelden import default_context
from modelden.engine.onnx_enums import GraphOptimizationLevel
from modelden.engine.onnx_feed import to_tensor
from modelden.engine.tensor import STRING, Tensor
from modelden.errors import EngineClosed, EngineError
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application
from modelden.ports import Blob, FileProvider, InferCallback, WorkerSpec
from tests.simulators.blobs import model_blob
from tests.simulators.engines import ScriptedEngines, start_infer
from tests.simulators.fetcher import AsgiFetcher
from tests.simulators.profile import Profile
from tests.unit.conftest import BUNDLE, FILES, ORIGIN, configured, write_tree

_STATUS = re.compile(r"\[ONNXRuntimeError\] : (\d+) : \w+ : (.*)", re.DOTALL)

_NO_VERSION = 2**63 - 1


class NativeSessions:
    """Opens raw models with onnxruntime itself."""

    def __init__(self) -> None:
        self.workers: list[NativeSession] = []

    def start_session(self, spec: WorkerSpec) -> NativeSession:
        """Start a worker; of its ``spec`` nothing is used."""
        if not spec.bundle:
            raise AssertionError("a worker without a script")
        self.workers.append(NativeSession())
        return self.workers[-1]

    def to_blob(self, data: Any) -> Blob:
        """Bytes as a file of the browser."""
        return model_blob(data)


class NativeSession:
    """A worker with raw models."""

    def __init__(self) -> None:
        self.end_reason: EngineError | None = None
        self.gate: asyncio.Event | None = None
        """Runs wait for it, if it is set."""
        self.running = threading.Event()
        self._sessions: dict[int, Any] = {}

    @property
    def closed(self) -> bool:
        """True after its end."""
        return self.end_reason is not None

    async def open(
        self, session: int, options: Mapping[str, Any], wasm: Blob | None, model: Blob, files: FileProvider
    ) -> Mapping[str, Any]:
        """Open a model with the options of a browser."""
        if wasm is not None and wasm.size == 0:
            raise AssertionError("a runtime of no bytes")
        data = await model.read()
        native = _native_options(options["options"])
        external = [(path, await _external(files, path)) for path in _external_paths(data)]
        if external:
            native.add_external_initializers_from_files_in_memory(
                [path for path, _ in external], [content for _, content in external], [len(c) for _, c in external]
            )
        with _as_in_browsers("Can't create a session."):
            opened = onnxruntime.InferenceSession(data, native, providers=["CPUExecutionProvider"])
        self._sessions[session] = opened
        device = {"device": options["device"], "deviceReason": None, "threads": 1, "threadsReason": None}
        return {**_facts(opened), "onnxruntime": "1.22", **device}

    async def infer(
        self, session: int, outputs: Sequence[str], feeds: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """Run a model once for each of the feeds."""
        self.running.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.end_reason is not None:
            raise self.end_reason
        return [self._run(session, outputs, feed) for feed in feeds]

    def start_infer(
        self, session: int, outputs: Sequence[str], feed: Mapping[str, Any], on_end: InferCallback
    ) -> Callable[[], object] | None:
        """Run a model once, if it takes numbers alone."""
        if self.end_reason is not None:
            raise self.end_reason
        if not all(isinstance(value, Tensor) and value.dtype != STRING for value in feed.values()):
            return None
        return start_infer(self.infer(session, outputs, [feed]), on_end)

    def _run(self, session: int, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Any]:
        with _as_in_browsers("failed to call OrtRun()."):
            native = self._sessions[session]
            results = native.run(list(outputs), {name: _arrays(value) for name, value in feed.items()})
        return {name: _crossing(value) for name, value in zip(outputs, results, strict=True)}

    def release(self, session: int) -> None:
        """Free a model."""
        self._sessions.pop(session, None)

    def close(self) -> None:
        """End the worker."""
        self.end_reason = self.end_reason or EngineClosed("The engine was closed while it was at work.")


class LoopSuspender:
    """Waits in a thread with a loop of its own, as a suspended Python waits while the browser goes on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def can_suspend(self) -> bool:
        """True."""
        return True

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Return the value of an awaitable."""

        async def value() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(value(), self.loop).result()

    def close(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def native_page(folder: Path, **fields: Any) -> Iterator[Profile]:
    """A page whose raw models run on CPython, as the page of `default_context`.

    Its server has the tree ``folder / "tree"``, which is written if it is not there. ``fields`` are those of its
    configuration.
    """
    tree = folder / "tree"
    application = Application(Tree(tree if tree.exists() else write_tree(tree)))
    config = replace(configured(application, ORIGIN), **fields)
    profile = Profile(config, AsgiFetcher(application), BUNDLE, ScriptedEngines(list(FILES)))
    profile.sessions = NativeSessions()  # type: ignore[assignment]  # another kind of worker
    suspender = LoopSuspender()
    before, before_suspender = default_context.page, default_context.suspender
    default_context.page = default_context.Page()
    default_context.page.context = profile.visit()
    default_context.page.stored_bytecode = asyncio.Future(loop=suspender.loop)
    default_context.suspender = lambda: suspender
    try:
        yield profile
    finally:
        default_context.page, default_context.suspender = before, before_suspender
        suspender.wait_for(profile.close())
        suspender.close()


def _native_options(web: Mapping[str, Any]) -> Any:
    native = onnxruntime.SessionOptions()
    levels = {"disabled": 0, "basic": 1, "extended": 2, "all": 99}
    name = GraphOptimizationLevel(levels[web["graphOptimizationLevel"]]).name
    native.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, name)
    for dimension, length in web["freeDimensionOverrides"].items():
        native.add_free_dimension_override_by_name(dimension, length)
    native.log_severity_level = 4  # what it writes is for nobody here
    return native


def _external_paths(data: bytes) -> list[str]:
    try:
        model = onnx.load_from_string(data)
    except Exception:  # noqa: BLE001  protobuf's own classes; onnxruntime says so later
        return []
    tensors = [tensor for tensor in _get_all_tensors(model) if uses_external_data(tensor)]
    return list(dict.fromkeys(ExternalDataInfo(tensor).location for tensor in tensors))


async def _external(files: FileProvider, path: str) -> bytes:
    blob = await files(path)
    if blob is None:
        raise EngineError(
            f"Error: the model keeps weights in the file {path} beside it, which cannot be had: there is no such file"
        )
    return await blob.read()


def _arrays(value: Any) -> Any:
    return [np.asarray(item) for item in value] if isinstance(value, list) else np.asarray(value)


def _crossing(value: Any) -> Any:
    """Return an output as ``web/worker/sequences.ts`` does."""
    if value is None:
        return None
    if not isinstance(value, list):
        return to_tensor(value, "an output")
    if value and isinstance(value[0], dict):
        scores = np.array([list(each.values()) for each in value], np.float32)
        return {"labels": list(value[0]), "scores": to_tensor(scores, "scores")}
    return [to_tensor(each, "an output") for each in value]


def _facts(session: Any) -> dict[str, Any]:
    def nodes(each: Any) -> list[dict[str, Any]]:
        return [{"name": node.name, "type": node.type, "shape": list(node.shape)} for node in each]

    meta = session.get_modelmeta()
    names = ("producer_name", "graph_name", "domain", "description", "graph_description", "custom_metadata_map")
    return {
        "inputs": nodes(session.get_inputs()),
        "outputs": nodes(session.get_outputs()),
        "overridable": nodes(session.get_overridable_initializers()),
        "metadata": {
            **{name: getattr(meta, name) for name in names},
            "version": None if meta.version == _NO_VERSION else meta.version,
        },
    }


@contextmanager
def _as_in_browsers(prefix: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if status := _STATUS.fullmatch(str(error)):
            raise EngineError(f"Error: {prefix} ERROR_CODE: {status[1]}, ERROR_MESSAGE: {status[2]}") from error
        raise
