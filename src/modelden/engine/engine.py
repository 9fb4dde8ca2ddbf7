"""An engine: a loaded model, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from modelden.engine.streaming import Chunk, Stream, take_streaming
from modelden.errors import EngineClosed

if TYPE_CHECKING:
    from modelden.engine.options import EngineOptions
    from modelden.ports import EngineWorker


class Engine:
    """A loaded model, made by `modelden.create_engine`. As an async context it closes itself."""

    def __init__(self, options: EngineOptions, worker: EngineWorker) -> None:
        """Adopt a worker that holds the model of ``options``."""
        self._options = options
        self._worker: EngineWorker | None = worker

    @property
    def engine_id(self) -> str:
        """The engine's name."""
        return self._options.engine_id

    @property
    def task_name(self) -> str:
        """The task it runs."""
        return self._options.task_name

    @property
    def model_id(self) -> str:
        """The model, ``organization/name``."""
        return self._options.model_id

    @property
    def model_revision(self) -> str:
        """The model's branch or version."""
        return self._options.model_revision

    async def run(self, *args: Any, on_token: Callable[[Chunk], None] | None = None, **options: Any) -> Any:
        """Run the model once.

        Args:
            *args: What the task's transformers.js pipeline takes: for ``feature-extraction`` a string or n of them, for
                tasks with images or sounds what `modelden.engine.inputs` lists.
            on_token: Called with a `Chunk` for each token while a text is written; ``per_token=False`` for each word.
            **options: The pipeline's options: for ``feature-extraction`` ``pooling="mean"`` and ``normalize=True``.

        Returns:
            Plain Python data; arrays as `Tensor`, for ``feature-extraction`` with pooling of shape (n, dimensions);
            images as `Image`.

        Raises:
            InputError: For arguments that cannot be handed to the model.
            EngineError: If the model refused them.
            EngineCrashed: If the worker died.
            EngineClosed: If the engine was closed before, or while it ran.
        """
        if on_token is not None:
            options = {"per_token": True, **options}
        return await self._run(args, options, on_token)

    def stream(self, *args: Any, **options: Any) -> Stream:
        """Run the model once, and iterate over what it writes: ``async for chunk in engine.stream("Once upon a")``.

        Args:
            *args: As for `run`, one text or image.
            **options: The pipeline's options, and ``per_token=True`` for chunks by token instead of by word,
                ``skip_prompt=False`` for the prompt too, ``return_tokens=True`` for ids of tokens; or Firefox's
                ``streamerOptions``.

        Returns:
            An iterator over `Chunk`; the loop's end ends the generation. Its errors are those of `run`.
        """
        return Stream(lambda on_chunk: self._run(args, options, on_chunk))

    async def _run(
        self, args: Sequence[Any], options: Mapping[str, Any], on_chunk: Callable[[Chunk], None] | None
    ) -> Any:
        if self._worker is None:
            raise EngineClosed(
                f"The engine {self.engine_id} is closed; create a new one with modelden.create_engine()."
            )
        rest = dict(options)
        streaming = take_streaming(self.task_name, rest, on_chunk)
        return await self._worker.run(args, rest, streaming)

    async def close(self) -> None:
        """End the worker and free the model's memory. Closing twice does nothing."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    async def __aenter__(self) -> Self:
        """Return the engine."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the engine."""
        await self.close()

    def __repr__(self) -> str:
        """Return name, task and model."""
        state = "" if self._worker else " closed"
        return f"<Engine {self.engine_id}: {self.task_name} with {self.model_id} {self.model_revision}{state}>"
