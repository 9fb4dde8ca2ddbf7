"""`ports.VectorHost`: workers that search vectors (``web/worker/vectors.ts``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from modelden._js.blobs import js_blob
from modelden._js.ffi import js_buffers
from modelden._js.worker import WorkerPort
from modelden._js.worker_scripts import Script
from modelden.errors import DataRemoved, EngineClosed, EngineCrashed, EngineError, WorkerRefused
from modelden.ports import Blob


class JsVectorHost:
    """Starts workers that search vectors."""

    def __init__(self, worker_url: str | None) -> None:
        """Create a host.

        Args:
            worker_url: URL of the folder with the workers' scripts; None for the wheel's own.
        """
        self._worker_url = worker_url

    def start_search(self) -> JsVectorWorker:
        """Start a worker without vectors."""
        return JsVectorWorker(WorkerPort(Script("vectors.js", self._worker_url)))


class JsVectorWorker:
    """A worker with the vectors of one index."""

    def __init__(self, port: WorkerPort) -> None:
        self._port = port

    async def load(self, dimensions: int, parts: Sequence[Blob]) -> None:
        """Replace all vectors."""
        try:
            await self._port.request(type="load", dimensions=dimensions, parts=[js_blob(part) for part in parts])
        except (EngineCrashed, EngineClosed, WorkerRefused):
            raise
        except EngineError as error:
            raise DataRemoved(f"The stored vectors cannot be read ({error}): add them again.") from error

    async def add(self, vectors: bytes) -> None:
        """Append vectors."""
        await self._send("add", vectors)

    async def remove(self, positions: Sequence[int]) -> None:
        """Remove vectors."""
        await self._port.request(type="remove", json=json.dumps(list(positions)))

    async def search(self, query: bytes, k: int) -> list[tuple[int, float]]:
        """Return the best positions and scores."""
        return [(position, score) for position, score in await self._send("search", query, k=k)]

    def close(self) -> None:
        """End the worker."""
        self._port.close()

    async def _send(self, kind: str, data: bytes, **members: Any) -> Any:
        js_list, js_transfer = js_buffers([data])
        reply = await self._port.request(type=kind, buffers=js_list, transfer=js_transfer, **members)
        return json.loads(reply.json)
