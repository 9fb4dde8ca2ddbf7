"""Workers that run models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from modelden.ports.blobs import Blob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelden.engine.streaming import Streaming
    from modelden.engine.tensor import Tensor
    from modelden.errors import EngineCrashed

FileProvider = Callable[[str], Awaitable[Blob | None]]
"""Answers a worker's wish for a model file, named by its hub URL. None: the hub does not have it."""


class EngineWorker(Protocol):
    """A worker that holds one loaded model."""

    async def create(
        self, options: Mapping[str, Any], wasm: Blob, files: FileProvider, preloaded: Mapping[str, Blob]
    ) -> Mapping[str, Any]:
        """Load the model.

        Args:
            options: The ``create`` message's JSON (``web/worker/protocol.ts``).
            wasm: The runtime's WASM file.
            files: Asked for each model file that is not among ``preloaded``.
            preloaded: Files that will be asked for, by their hub URLs.

        Returns:
            What the worker tells of itself: versions, threads, device. Nothing if only files were asked for.

        Raises:
            EngineTimeout: If it neither answers nor asks for a file for too long.
            EngineError: If the model cannot be loaded.
            EngineCrashed: If the worker died.
        """

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None
    ) -> tuple[Any, str | None]:
        """Run the model once.

        A caller that gives up, by cancellation, ends a generation.

        Returns:
            Plain Python data with `Tensor` and `Image` values, and the JSON of the run's metrics
            (`engine.metrics.RunMetrics`).

        Raises:
            EngineError: If the model refused the input.
            EngineCrashed: If the worker died.
        """

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead."""

    def close(self) -> None:
        """End the worker. Pending calls fail with `EngineClosed`."""


class WorkerSpec(NamedTuple):
    """What an engine's worker starts with, before it has a model.

    Attributes:
        bundle: File name of its source in the package's assets.
        glue: File name there of what drives the runtime's file.
        wasm: SHA-256 of the runtime's file, in lower-case hexadecimal.
        threads: How many the runtime has; 0 for all cores.
    """

    bundle: str
    glue: str
    wasm: str
    threads: int


class EngineHost(Protocol):
    """Starts engine workers."""

    def start(self, spec: WorkerSpec) -> EngineWorker:
        """Start a worker, or return the one that was started ahead, if it is the same."""

    async def prewarm(self, spec: WorkerSpec, wasm: Blob) -> None:
        """Start a worker and its runtime, in the expectation that it will be wanted; return when it runs.

        Raises:
            WorkerRefused: If the browser refuses it at once.
        """

    def end_prewarm(self) -> None:
        """End the worker that was started ahead, if nobody wanted it."""


class SessionWorker(Protocol):
    """A worker with one raw ONNX model."""

    async def open(self, options: Mapping[str, Any], wasm: Blob, model: Blob, files: FileProvider) -> Mapping[str, Any]:
        """Open the model.

        Args:
            options: The ``open`` message's JSON (``web/worker/protocol.ts``).
            wasm: The runtime's WASM file.
            model: The model.
            files: Asked for each file of data beside it, by its path there.

        Returns:
            What the worker tells of the model.

        Raises:
            EngineTimeout: If it neither answers nor asks for a file for too long.
            EngineError: If the model cannot be opened.
            EngineCrashed: If the worker died.
        """

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """Run the model once.

        Raises:
            InputError: For inputs that are no tensors.
            EngineError: If the model fails.
            EngineCrashed: If the worker died.
        """

    def close(self) -> None:
        """End the worker. Pending calls fail with `EngineClosed`."""


class SessionHost(Protocol):
    """Starts session workers."""

    def start_session(self, bundle: str, glue: str) -> SessionWorker:
        """Start a worker with the bundle and the glue of these names from the package's assets."""

    def to_blob(self, data: Any) -> Blob:
        """Return bytes, or a blob or buffer of the page, as a handle.

        Raises:
            InputError: If it is neither.
        """
