"""Engine workers that ask for the files they are told to, and answer with what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.engine.streaming import Chunk, Streaming
from modelden.errors import EngineClosed, EngineError
from modelden.ports import Blob, FileProvider


class ScriptedWorker:
    """As transformers.js: files come side by side, and one that cannot be had ends it with a text of its own."""

    def __init__(self, bundle: str, files: Sequence[str], optional: Sequence[str]) -> None:
        self.bundle = bundle
        self._files = files
        self._optional = optional
        self.created: dict[str, Any] = {}
        self.wasm = b""
        self.received: dict[str, bytes] = {}
        self.closed = False

    async def create(self, options: Mapping[str, Any], wasm: Blob, files: FileProvider) -> Mapping[str, Any]:
        self.created, self.wasm = dict(options), await wasm.read()
        path = options["hubUrlTemplate"].replace("{model}", options["modelId"])
        path = path.replace("{revision}", options["modelRevision"])
        folder = f"{options['hubRootUrl'].rstrip('/')}/{path}"
        wanted = (*self._files, *self._optional)
        results = await asyncio.gather(*(self._load(folder, file, files) for file in wanted), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            raise failures[0]
        return {"threads": 1}

    async def _load(self, folder: str, file: str, files: FileProvider) -> None:
        try:
            blob = await files(f"{folder}/{file}")
        except Exception as error:
            raise EngineError(f"Error: {error}") from error
        if blob is not None:
            self.received[file] = await blob.read()
        elif file not in self._optional:
            raise EngineError(f"Could not locate file: {folder}/{file}")

    async def run(self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None) -> Any:
        if self.closed:
            raise EngineClosed("The engine was closed while it was at work.")
        if streaming is not None:
            for word in str(args[0]).split():
                streaming.on_chunk(Chunk(word, None, is_prompt=False))
        return {"args": list(args), "options": dict(options)}

    def close(self) -> None:
        self.closed = True


class ScriptedEngines:
    """Starts workers that need ``files``, and ask for ``optional`` ones too."""

    def __init__(self, files: Sequence[str], optional: Sequence[str] = ()) -> None:
        self.files = files
        self.optional = optional
        self.workers: list[ScriptedWorker] = []

    def start(self, bundle: str) -> ScriptedWorker:
        self.workers.append(ScriptedWorker(bundle, self.files, self.optional))
        return self.workers[-1]
