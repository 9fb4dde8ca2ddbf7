"""A page for calls with odd arguments, instances of the public classes, and the odd values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modelden
from modelden import default_context, onnxruntime
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application
from tests.odd_values import ODD as ODD_VALUES
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import AsgiFetcher
from tests.simulators.profile import Profile
from tests.unit.conftest import BUNDLE, FILES, ORIGIN, configured, write, write_tree
from tests.unit.fuzz.odd_arrays import ODD_ARRAYS

ODD = ODD_VALUES | ODD_ARRAYS


class World:
    """A page with simulators, and an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        application = Application(Tree(write_tree(folder / "tree")))
        write(folder / "tree/hub/org/tiny/v1.0/onnx/model.onnx", b"a model")
        config = configured(application, ORIGIN)
        self.profile = Profile(config, AsgiFetcher(application), BUNDLE, ScriptedEngines(list(FILES)))
        self.folder = folder
        default_context.page = default_context.Page()
        default_context.page.context = self.profile.visit()
        default_context.page.stored_bytecode = self.loop.create_future()

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(awaitable, 60))

    def close(self) -> None:
        self.run(self.profile.close())
        self.loop.close()

    async def engine(self) -> modelden.Engine:
        return await modelden.create_engine(task_name="feature-extraction", model_id="org/tiny", model_revision="v1.0")

    async def session(self) -> onnxruntime.InferenceSession:
        return await modelden.load_session("org/tiny", revision="v1.0")

    async def io_binding(self) -> onnxruntime.IOBinding:
        return (await self.session()).io_binding()

    async def archive(self) -> modelden.ModelArchive:
        await self.engine()
        return await modelden.export_model("localhost/org/tiny", "v1.0")

    async def hub_file(self) -> modelden.HubFile:
        return await modelden.hub_download("org/tiny", "config.json", revision="v1.0")

    async def stream(self) -> modelden.Stream:
        return (await self.engine()).stream("a text")

    async def chat(self) -> modelden.Chat:
        options = {"task_name": "text-generation", "model_id": "org/tiny", "model_revision": "v1.0"}
        return await (await modelden.create_engine(options)).chat()

    async def chat_reply(self) -> modelden.ChatReply:
        return (await self.chat()).send("a text")

    async def file_response(self) -> modelden.FileResponse:
        return (await self.hub_file()).response()


async def _made(make: Callable[[], Any]) -> Any:
    return make()


def _memory_info() -> onnxruntime.OrtMemoryInfo:
    kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    return onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use)


INSTANCES: dict[str, Callable[[World], Any]] = {
    "BlockList": lambda _: _made(lambda: modelden.BlockList("words", "en", "1.0", ["bad"], str.split)),
    "Audio": lambda _: _made(lambda: modelden.Audio(memoryview(bytes(8)).cast("f"), 16_000)),
    "Engine": World.engine,
    "Chat": World.chat,
    "ChatReply": World.chat_reply,
    "FileResponse": World.file_response,
    "HubFile": World.hub_file,
    "Image": lambda _: _made(lambda: modelden.Image(bytes(4), 2, 2, 1)),
    "InferenceSession": World.session,
    "ModelArchive": World.archive,
    "ModelHub": lambda _: _made(modelden.ModelHub),
    "MultiProgressAggregator": lambda _: _made(lambda: modelden.MultiProgressAggregator(lambda _: None)),
    "PipelineOptions": lambda _: _made(modelden.PipelineOptions),
    "RemoteSettings": lambda _: _made(lambda: modelden.RemoteSettings("ml-onnx-runtime")),
    "RunOptions": lambda _: _made(onnxruntime.RunOptions),
    "SessionOptions": lambda _: _made(onnxruntime.SessionOptions),
    "IOBinding": World.io_binding,
    "OrtDevice": lambda _: _made(lambda: onnxruntime.OrtDevice.make("cpu", 0)),
    "OrtMemoryInfo": lambda _: _made(_memory_info),
    "OrtValue": lambda _: _made(lambda: onnxruntime.OrtValue.ortvalue_from_shape_and_type([1], "float32")),
    "Stream": World.stream,
    "Tokenizer": lambda _: modelden.load_tokenizer("org/tiny", "v1.0"),
    "VectorIndex": lambda _: modelden.VectorIndex.open("notes", model_id="org/tiny"),
    "Tensor": lambda _: _made(lambda: modelden.Tensor(memoryview(bytes(4)), "float32", (1,))),
    "Configuration": lambda _: _made(modelden.Configuration),
}
"""Instances of the classes with methods, or with constructors for callers."""
