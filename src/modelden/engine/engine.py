"""The public `Engine`: a loaded model, ready to run; and the engines of a page, one of each name."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from modelden.core.arguments import check_callback, check_function
from modelden.engine.lifecycle import READY, Status
from modelden.engine.metrics import RunMetrics
from modelden.engine.plan import EngineRecord
from modelden.engine.results import presentable
from modelden.engine.slot import Call, check_timeout
from modelden.engine.streaming import Chunk, Stream, StreamReceiver
from modelden.errors import SyncUnavailable

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.engine.chat import Chat
    from modelden.engine.engine_runner import EngineRunner
    from modelden.engine.options import PipelineOptions
    from modelden.ports import Suspender


class Engine:
    """A loaded model, made by `modelden.create_engine`. As an async context it closes itself."""

    __module__ = "modelden"

    def __init__(self, runner: EngineRunner, suspender: Suspender) -> None:
        """Create an engine.

        Args:
            runner: The engine's life.
            suspender: Waits in calls that are not async.
        """
        self._runner = runner
        self._suspender = suspender

    @property
    def options(self) -> PipelineOptions:
        """All its options, with the decisions of Remote Settings and defaults."""
        plan = self._runner.plan
        return plan.options if plan else self._runner.request

    @property
    def engine_id(self) -> str:
        """The engine's name."""
        return self._runner.request.engine_id

    @property
    def task_name(self) -> str:
        """The task it runs."""
        return str(self.options.task_name)

    @property
    def model_id(self) -> str:
        """The model, ``organization/name``."""
        return str(self.options.model_id)

    @property
    def model_revision(self) -> str:
        """The model's branch or version."""
        return str(self.options.model_revision)

    @property
    def status(self) -> Status:
        """``uninitialized``, ``ready``, ``error``, ``closed`` or ``crashed``.

        All but one that you closed, or that was replaced, come back with the next run.
        """
        return self._runner.status

    @property
    def last_metrics(self) -> RunMetrics | None:
        """The metrics of the last run; None before the first."""
        text = self._runner.metrics
        return None if text is None else RunMetrics.of(text)

    def info(self) -> Mapping[str, Any]:
        """Return the versions, device and threads that run the model; empty while none is loaded.

        Returns:
            ``transformers`` and ``onnxruntime``: versions. ``device``: the one in effect; ``deviceReason``: why it is
            not the requested one, None if it is. ``threads``: their number in effect; ``threadsReason``: why it is not
            the requested one, None if it is. ``samplingRate``: the rate of its sounds in Hz, or None. ``writes``:
            whether `stream` has chunks.
        """
        return self._runner.info

    def on_status(self, listener: Callable[[Status], object]) -> Callable[[], None]:
        """Call ``listener`` with each new status (Firefox: ``statusChanged``); the returned function unsubscribes."""
        check_function("listener", listener)
        listeners = self._runner.listeners
        listeners.append(listener)

        def unsubscribe() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return unsubscribe

    async def run(
        self,
        *args: Any,
        on_token: Callable[[Chunk], None] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the page's time, without that of its sleep
        **options: Any,
    ) -> Any:
        """Run the model once.

        An engine that was closed as idle, or whose worker died, is loaded again first. A run that is cancelled ends at
        once. If the model does not stop within some seconds, its worker is ended, and the next run gets a new one.

        Args:
            *args: The arguments of the task's transformers.js pipeline: for ``feature-extraction`` a string or n of
                them, for tasks with images or sounds a `modelden.Image`, a `modelden.Audio`, or bytes, files and URLs.
            on_token: Called with a `Chunk` for each token of a generated text; ``per_token=False`` for each word.
            timeout: Seconds that the model may take, earlier runs included and loading not; None for no limit. Time in
                which the tab is frozen or the machine sleeps does not count.
            **options: The pipeline's options: for ``feature-extraction`` ``pooling="mean"`` and ``normalize=True``.

        Returns:
            Plain Python data; arrays as `Tensor`, for ``feature-extraction`` with pooling of shape (n, dimensions);
            images as `Image`.

        Raises:
            InputError: For arguments that cannot be passed to the model.
            EngineError: If the model refused them.
            EngineTimeout: If the model takes longer than ``timeout``; it is stopped as a cancelled one.
            EngineCrashed: If the worker died while it ran.
            EngineClosed: If the engine was closed before, or while it ran.
            ModelDenError: If it had to be loaded again and could not be.
        """
        if check_callback("on_token", on_token) is not None:
            options = {"per_token": True, **options}
        return await self._run(args, options, on_token, timeout)

    def stream(self, *args: Any, timeout: float | None = None, **options: Any) -> Stream:
        """Run the model once, and iterate over the generated text: ``async for chunk in engine.stream("Once upon a")``.

        Args:
            *args: As for `run`, one text or image.
            timeout: As for `run`.
            **options: The pipeline's options, and ``per_token=True`` for chunks by token instead of by word,
                ``skip_prompt=False`` for the prompt too, ``return_tokens=True`` for ids of tokens; or Firefox's
                ``streamerOptions``.

        Returns:
            An iterator over `Chunk`. Leaving the loop ends the generation. Its errors are those of `run`.
        """
        return Stream(lambda on_chunk: self._run(args, options, on_chunk, timeout))

    async def chat(
        self, system: str | None = None, *, messages: Sequence[Mapping[str, str]] | None = None, **options: Any
    ) -> Chat:
        """Begin a conversation: ``chat = await engine.chat("Be brief.")``, then ``async for chunk in chat.send("Hi")``.

        Args:
            system: The text of the system message; None for none.
            messages: Messages to go on from, each with ``role`` and ``content``, as `Chat.messages` returns them.
            **options: Options of each turn. ``max_new_tokens`` (256), ``min_new_tokens``, ``stop_strings`` (a text or
                several), ``do_sample``, ``temperature``, ``top_k``, ``top_p``, ``repetition_penalty`` and
                ``no_repeat_ngram_size`` are those of Hugging Face's ``generate``, by default as the model's
                ``generation_config.json`` says. ``seed`` makes an answer repeatable. ``chat_template`` replaces the
                model's. ``overflow="drop_oldest"`` drops the oldest turns of a chat that does not fit into the model's
                context; the default, ``"error"``, raises `ContextExceeded`. A seed, a temperature, ``top_k`` or
                ``top_p`` implies ``do_sample=True``.

        Raises:
            InputError: For other arguments, for an engine of another task, and for a model without a chat template.
            EngineClosed: If the engine was closed before.
            ModelDenError: If it had to be loaded again and could not be.
        """
        from modelden.engine.chat import open_chat  # few engines chat

        return await open_chat(self._runner.run, self.task_name, system, messages, options)

    def run_sync(self, *args: Any, **options: Any) -> Any:
        """Run the model once, and wait; the arguments, result and errors are those of `run`.

        Raises:
            SyncUnavailable: Where Python cannot be suspended: the browser has no JSPI, or Python was not entered by
                ``runPythonAsync``.
        """
        if not self._suspender.can_suspend():
            raise SyncUnavailable(
                "Python cannot wait here: the browser has no JSPI, or JavaScript called Python synchronously. "
                "Use `await engine.run(...)`."
            )
        return self._suspender.wait_for(self.run(*args, **options))

    async def update(self, on_progress: ProgressCallback | None = None) -> bool:
        """Load the model that Remote Settings name now, or the current state of its branch on the hub.

        Runs under way end with the old model, later ones take the new one.

        Returns:
            Whether there was an update.

        Raises:
            EngineClosed: If the engine was closed before, or while it loaded.
            ModelDenError: If the new model cannot be loaded; the old one stays.
        """
        check_callback("on_progress", on_progress)
        return await self._runner.update(on_progress)

    async def close(self) -> None:
        """End the worker and free the model's memory, for good. Closing twice does nothing."""
        self._runner.end(f"The engine {self.engine_id} is closed; create a new one with modelden.create_engine().")

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
        """Return name, task, model, and the status if it is not ``ready``."""
        state = "" if self.status == READY else f" {self.status}"
        return f"<Engine {self.engine_id}: {self.task_name} with {self.model_id} {self.model_revision}{state}>"

    def _repr_html_(self) -> str:
        from modelden.engine.results import engine_table

        return engine_table(self.engine_id, self.options, self.status, self.info())

    async def _run(
        self,
        args: Sequence[Any],
        options: Mapping[str, Any],
        on_chunk: Callable[[Chunk], None] | None,
        timeout: float | None,  # noqa: ASYNC109  as `run`
    ) -> Any:
        receiver = None if on_chunk is None else StreamReceiver(on_chunk)
        return presentable(await self._runner.run(Call(args, options, check_timeout(timeout), receiver)))


class EngineRegistry:
    """The engines of one page and configuration: the same options get the existing engine, other options end it.

    Source: Firefox ``MLEngineParent.sys.mjs`` (``getEngine``).
    """

    def __init__(self, create_runner: Callable[[PipelineOptions], EngineRunner], suspender: Suspender) -> None:
        """Create a registry.

        Args:
            create_runner: Returns a runner that has loaded nothing.
            suspender: Waits in calls that are not async.
        """
        self._create_runner = create_runner
        self._suspender = suspender
        self._engines: dict[str, tuple[EngineRunner, Engine]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Engine:
        """Return the engine for a request, ready to run.

        Raises:
            ModelDenError: If it cannot be loaded. An engine of this name with other options has ended all the same.
        """
        engine_id = request.engine_id
        async with self._locks[engine_id]:
            runner, engine = self._engines.get(engine_id, (None, None))
            if runner and engine and not runner.has_ended and runner.request.is_equivalent(request):
                runner.emitter = runner.emitter._replace(flow_id=request.flow_id)
                await runner.refresh(on_progress)
                return engine
            if runner is not None:
                runner.end(f"The engine {engine_id} was replaced by one with other options.")
            return await self._create(request, on_progress)

    def records(self) -> Iterator[EngineRecord]:
        """Return the engines that were loaded and have not ended."""
        runners = [runner for runner, _ in self._engines.values() if not runner.has_ended]
        return (EngineRecord(runner.request, runner.plan) for runner in runners if runner.plan is not None)

    async def _create(self, request: PipelineOptions, on_progress: ProgressCallback | None) -> Engine:
        runner = self._create_runner(request)
        engine = Engine(runner, self._suspender)
        self._engines[request.engine_id] = runner, engine
        try:
            await runner.open(on_progress)
        except BaseException:
            runner.end(f"The engine {request.engine_id} could not be loaded.")
            del self._engines[request.engine_id]
            raise
        return engine
