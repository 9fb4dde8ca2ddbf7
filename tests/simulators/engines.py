"""Engine workers that ask for the files they are told to, and answer with what they got."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.errors import EngineError
from modelden.ports import Blob, FileProvider


class ScriptedWorker:
    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self.created: dict[str, Any] | None = None
        self.wasm: bytes | None = None
        self.received: dict[str, bytes] = {}
        self.closed = False

    async def create(self, options: Mapping[str, Any], wasm: Blob, files: FileProvider) -> Mapping[str, Any]:
        self.created, self.wasm = dict(options), await wasm.read()
        root = str(options["hubRootUrl"]).rstrip("/")
        folder = f"{root}/{options['modelId']}/{options['modelRevision']}"
        await asyncio.gather(*(self._load(folder, file, files) for file in self._files))
        return {"threads": 1}

    async def _load(self, folder: str, file: str, files: FileProvider) -> None:
        try:
            blob = await files(f"{folder}/{file}")
        except Exception as error:
            raise EngineError(f"Error: {error}") from error
        if blob is None:
            raise EngineError(f"Could not locate file: {file}")
        self.received[file] = await blob.read()

    async def run(self, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        return {"args": list(args), "options": dict(options)}

    def close(self) -> None:
        self.closed = True


class ScriptedEngines:
    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self.workers: list[ScriptedWorker] = []

    def start(self, bundle: str) -> ScriptedWorker:
        assert bundle.endswith(".js")
        self.workers.append(ScriptedWorker(self.files))
        return self.workers[-1]
