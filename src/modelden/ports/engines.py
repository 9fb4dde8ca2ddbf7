"""Workers that run models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from modelden.ports.blobs import Blob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelden.engine.streaming import Chunk, Streaming
    from modelden.errors import EngineCrashed, EngineError

FileProvider = Callable[[str], Awaitable[Blob | None]]
"""Returns the model file that a worker asks for by its hub URL, None if the hub does not have it.

A `ModelDenError` is passed on to the worker, which decides whether it can do without the file. Any other exception is a
fault of modelden's, and ends the worker.
"""


class EngineWorker(Protocol):
    """A worker that holds one loaded model."""

    async def create(
        self, options: Mapping[str, Any], wasm: Blob | None, files: FileProvider, preloaded: Mapping[str, Blob]
    ) -> Mapping[str, Any]:
        """Load the model. Suspends.

        Args:
            options: The ``create`` message's JSON (``web/worker/protocol.ts``).
            wasm: The runtime's WASM file; None for what needs no runtime.
            files: Called for each model file that is not among ``preloaded``.
            preloaded: Files that the worker will need, by their hub URLs.

        Returns:
            The worker's facts: versions, threads, device. Empty if only files were asked for.

        Raises:
            EngineTimeout: If it neither answers nor asks for a file for too long.
            EngineError: If the model cannot be loaded, or the WASM file has another hash than the worker's ``spec``.
            EngineCrashed: If the worker died.
            EngineClosed: If it was closed meanwhile.
            WorkerRefused: If the browser does not start the worker.
        """

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], streaming: Streaming | None = None
    ) -> tuple[Any, str | None]:
        """Run the model once. Suspends. A cancelled caller ends a generation, and waits for the worker's answer.

        Returns:
            Plain Python data with `Tensor` and `Image` values, and the JSON of the run's metrics
            (`engine.metrics.RunMetrics`).

        Raises:
            InputError: For arguments that the task cannot take.
            UnavailableError: If a URL among the arguments cannot be fetched.
            StorageUnavailable: If a file among the arguments cannot be read.
            EngineError: If the model refused the input.
            EngineCrashed: If the worker died.
            EngineClosed: If it was closed meanwhile.
        """

    async def chat(
        self, turn: Mapping[str, Any], on_chunk: Callable[[Chunk], None] | None = None
    ) -> tuple[Any, str | None]:
        """Take one turn of a chat. Suspends. A cancelled caller ends the answer, and waits for the worker's reply.

        Args:
            turn: The ``ChatTurn`` of ``web/worker/chat_protocol.ts``.
            on_chunk: Called with each piece of the answer.

        Returns:
            The ``ChatReply``, or without messages the ``ChatFacts``; and the JSON of the metrics, as `run`.

        Raises:
            EngineError: If the template or the model refused the messages.
            EngineCrashed: If the worker died.
            EngineClosed: If it was closed meanwhile.
        """

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead.

        Does not suspend. Raises nothing.
        """

    def close(self) -> None:
        """End the worker. Pending calls fail with `EngineClosed`. Does not suspend. Raises nothing."""


class WorkerSpec(NamedTuple):
    """The properties that a worker has before it has a model.

    Attributes:
        bundle: File name of its source in the package's assets.
        glue: File name of the runtime's JavaScript in the package's assets.
        wasm: SHA-256 of the runtime's WASM file, in lower-case hexadecimal.
        threads: Threads of the runtime; 0 for all cores.
    """

    bundle: str
    glue: str
    wasm: str
    threads: int


class EngineHost(Protocol):
    """Starts engine workers."""

    def start(self, spec: WorkerSpec) -> EngineWorker:
        """Start a worker, or return the one that was started ahead if it has the same ``spec``. Does not suspend.

        Raises:
            WorkerRefused: If the browser refuses it at once; mostly it does so later.
        """

    def end_early_worker(self) -> None:
        """End the worker that was started ahead, if no engine took it. Does not suspend. Raises nothing."""


type InferCallback = Callable[[Mapping[str, Any] | None, EngineError | None], None]
"""Receives the outputs of a run, or its error. It raises nothing."""


class SessionWorker(Protocol):
    """A worker with raw ONNX models. It runs one at a time."""

    @property
    def end_reason(self) -> EngineError | None:
        """The error of requests after the worker was closed, or died; None before. Does not suspend. Raises nothing."""

    async def open(
        self, session: int, options: Mapping[str, Any], wasm: Blob | None, model: Blob, files: FileProvider
    ) -> Mapping[str, Any]:
        """Open a model. Suspends.

        Args:
            session: The number by which the model is run and released. A number is used once.
            options: The ``open`` message's JSON (``web/worker/session_protocol.ts``).
            wasm: The runtime's WASM file; None for a worker that has opened a model with it.
            model: The model.
            files: Called for each file of external data, with its path relative to the model.

        Returns:
            The model's facts as the worker reads them.

        Raises:
            EngineTimeout: If it neither answers nor asks for a file for too long.
            EngineError: If the model cannot be opened, or the WASM file has another hash than the worker's ``spec``.
            EngineCrashed: If the worker died.
            EngineClosed: If it was closed meanwhile.
            WorkerRefused: If the browser does not start the worker.
        """

    async def infer(
        self, session: int, outputs: Sequence[str], feeds: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """Run a model once for each of the feeds. Suspends. A cancelled caller waits for the worker's answer.

        A feed has a `Tensor` by input; of a sequence a list of them, of an optional value that is absent none.

        Returns:
            For each feed a `Tensor` by output; of a sequence a list of them, of maps their ``labels`` and ``scores``.

        Raises:
            InputError: For inputs that are no tensors.
            EngineError: If the model fails.
            EngineCrashed: If the worker died.
            EngineClosed: If it was closed meanwhile.
        """

    def start_infer(
        self, session: int, outputs: Sequence[str], feed: Mapping[str, Any], on_end: InferCallback
    ) -> Callable[[], object] | None:
        """Run a model once on a feed of tensors of numbers. Does not suspend.

        Args:
            session: The number of the model.
            outputs: Names of the requested outputs.
            feed: A `Tensor` by input.
            on_end: Called at the end with a `Tensor` by output, or with an error of `infer`.

        Returns:
            A function that asks for an early end. None if the run needs `infer`, and was not begun: it takes or
            gives more than numbers.

        Raises:
            EngineError: If the worker has ended, or the browser cannot send the feed. ``on_end`` is not called then.
        """

    def release(self, session: int) -> None:
        """Free a model's memory; of one that was not opened do nothing. Does not suspend. Raises nothing."""

    def close(self) -> None:
        """End the worker. Pending calls fail with `EngineClosed`. Does not suspend. Raises nothing."""


class SessionHost(Protocol):
    """Starts session workers."""

    def start_session(self, spec: WorkerSpec) -> SessionWorker:
        """Start a worker for raw models. Does not suspend.

        Raises:
            WorkerRefused: If the browser refuses it at once; mostly it does so later.
        """

    def to_blob(self, data: Any) -> Blob:
        """Return bytes, a `Blob`, or a blob or buffer of the page, as a `Blob`. Does not suspend.

        Raises:
            InputError: If it is none of them, or the browser makes no blob of it.
        """
