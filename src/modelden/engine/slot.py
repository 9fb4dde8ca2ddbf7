"""A slot: a loaded worker of an engine, and the runs under way in it, with their time limits.

A worker runs one thing at a time. A cancelled run is asked to stop, which a regular expression, a template or a loop in
a graph cannot hear. Later runs would wait for it, without end perhaps. So a worker is blocked if it gives no sign of
life for some seconds while its oldest run is a cancelled one. A run that somebody waits for may take its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.core.arguments import show
from modelden.core.awake_timer import AwakeTimer
from modelden.core.event_loop import start_eagerly
from modelden.engine.run_arguments import check_call
from modelden.engine.streaming import StreamReceiver, pop_streaming
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, EngineTimeout, InputError, ModelDenError

if TYPE_CHECKING:
    from modelden.engine.streaming import Chunk
    from modelden.loading.engine_loader import LoadedModel
    from modelden.ports import Ports

ANSWER_LIMIT = 5.0
"""Seconds without a sign of life after which a cancelled run blocks its worker."""

_LONGEST_TIMEOUT = 1e9
"""Seconds; longer limits are none."""


class PendingRun:
    """A run that the worker has not answered.

    Attributes:
        is_abandoned: Nobody waits for it any more.
    """

    is_abandoned = False


class _AwaitedRun(PendingRun):
    """A run with a task and a future."""

    def __init__(self, outcome: asyncio.Future[Any]) -> None:
        self.outcome = outcome

    def succeed(self, result: Any) -> None:
        """Give the caller the result, if there still is one."""
        if not self.outcome.done():
            self.outcome.set_result(result)

    def fail(self, error: Exception) -> None:
        """Give the caller the error, if there still is one."""
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def interrupt(self, interrupt: asyncio.Future[None]) -> None:
        """Give the caller the error of an interrupt that failed."""
        error = interrupt.exception()
        if isinstance(error, Exception):
            self.fail(error)


class WorkerRuns:
    """The runs in one worker.

    Attributes:
        is_blocked: A cancelled run did not end, and the worker was given up.
    """

    def __init__(self, ports: Ports, on_blocked: Callable[[], None]) -> None:
        """Create a record without runs.

        Args:
            ports: The browser.
            on_blocked: Called when the worker is blocked. It ends the worker.
        """
        self.is_blocked = False
        self._ports = ports
        self._on_blocked = on_blocked
        self._runs: list[PendingRun] = []
        """All runs that the worker has not answered, in their order."""
        self._timer: AwakeTimer | None = None

    @property
    def count(self) -> int:
        """The number of runs that somebody waits for."""
        return sum(not run.is_abandoned for run in self._runs)

    async def run[T](
        self,
        work: Coroutine[Any, Any, T],
        timeout: float | None,  # noqa: ASYNC109  the page's time, without that of its sleep
        interrupt: asyncio.Future[None] | None = None,
    ) -> T:
        """Return the result of a run. A caller that is cancelled does not wait for the worker.

        Args:
            work: Sends the run to the worker. When it is cancelled, it asks the worker to stop, and ends with the
                worker's answer.
            timeout: Seconds after which the run is abandoned; None for no limit.
            interrupt: Fails with the error of a caller that abandons the run.

        Raises:
            EngineTimeout: If it takes longer than ``timeout``.
            ModelDenError: As ``work``.
        """
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        run = _AwaitedRun(outcome)
        timer = None if timeout is None else self._limit(timeout, run)
        if interrupt is not None:
            interrupt.add_done_callback(run.interrupt)
        self._runs.append(run)
        # One task, and one future for its end, the time limit and the interrupt: each wait costs a turn of the loop.
        task = start_eagerly(self._answer(run, work))
        try:
            result = await outcome
            if interrupt is not None and interrupt.done():  # just before the answer
                interrupt.result()  # raises its error
            return result
        finally:
            if timer is not None:
                timer.cancel()
            if interrupt is not None:
                interrupt.remove_done_callback(run.interrupt)
            if run in self._runs:
                self.abandon(run)
                task.cancel()

    def begin(self) -> PendingRun:
        """Record a run that is sent without a task; `end` or `abandon` follow."""
        run = PendingRun()
        self._runs.append(run)
        return run

    def abandon(self, run: PendingRun) -> None:
        """Record that nobody waits for a run any more. From then on the worker has to answer in time."""
        run.is_abandoned = True
        self._watch()

    def end(self, run: PendingRun) -> None:
        """Record the answer of a run, or that it was not sent."""
        self._runs.remove(run)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._watch()

    def note_life(self) -> None:
        """Record a message of the worker."""
        if self._timer is not None:
            self._timer.restart()

    def _limit(self, timeout: float, run: _AwaitedRun) -> AwakeTimer:
        def expire() -> None:
            run.fail(EngineTimeout(f"The run took longer than its timeout of {timeout:g} s."))

        return AwakeTimer(self._ports.timers, self._ports.clock, timeout, expire)

    async def _answer(self, run: _AwaitedRun, work: Coroutine[Any, Any, Any]) -> None:
        try:
            result = await work
        except asyncio.CancelledError:
            run.outcome.cancel()
            raise
        except Exception as error:  # noqa: BLE001  raised to the caller
            run.fail(error)
        else:
            run.succeed(result)
        finally:
            self.end(run)

    def _watch(self) -> None:
        """Wait for the answer of the oldest run if it is abandoned."""
        if self._runs and self._runs[0].is_abandoned and self._timer is None and not self.is_blocked:
            self._timer = AwakeTimer(self._ports.timers, self._ports.clock, ANSWER_LIMIT, self._block)

    def _block(self) -> None:
        self.is_blocked = True
        self._on_blocked()


def check_timeout(timeout: Any) -> float | None:
    """Return the limit of a run in seconds; None for no limit.

    Raises:
        InputError: If it is no number above 0.
    """
    if timeout is None:
        return None
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number or not timeout > 0:  # NaN is not either
        raise InputError(f"timeout: expected a number of seconds above 0, or None for no limit, got {show(timeout)}.")
    return None if timeout > _LONGEST_TIMEOUT else float(timeout)


class Call(NamedTuple):
    """A call of `Engine.run` or `Engine.stream`.

    Attributes:
        args: Positional arguments of the pipeline.
        options: Its options, and those of streaming.
        timeout: Seconds that the model may take; None for no limit.
        receiver: Receives the chunks of a stream; else None.
        turn: The ``ChatTurn`` of ``web/worker/chat_protocol.ts``, for a turn of a chat in place of a run; else None.
    """

    args: Sequence[Any]
    options: Mapping[str, Any]
    timeout: float | None = None
    receiver: StreamReceiver | None = None
    turn: Mapping[str, Any] | None = None


class Slot:
    """A worker in use."""

    def __init__(self, loaded: LoadedModel, ports: Ports, on_blocked: Callable[[Slot], None]) -> None:
        """Adopt a worker; ``on_blocked`` is called when a cancelled run blocks it."""
        self.loaded = loaded
        self._runs = WorkerRuns(ports, lambda: on_blocked(self))

    @property
    def is_in_use(self) -> bool:
        """True if somebody waits for a run."""
        return self._runs.count > 0

    async def run(self, call: Call) -> tuple[Any, str | None]:
        """Run the model once, and return its result and the JSON of its metrics; errors as `Engine.run`."""
        receiver = call.receiver
        on_chunk = None if receiver is None else receiver.listen(self._runs.note_life)
        worker = self.loaded.worker
        work = self._run_pipeline(call, on_chunk) if call.turn is None else worker.chat(call.turn, on_chunk)
        return await self._runs.run(work, call.timeout, None if receiver is None else receiver.interrupt)

    def _run_pipeline(
        self, call: Call, on_chunk: Callable[[Chunk], None] | None
    ) -> Coroutine[Any, Any, tuple[Any, str | None]]:
        plan, info, options = self.loaded.plan.options, self.loaded.info, dict(call.options)
        task = str(plan.task_name)
        streaming = pop_streaming(task, options, on_chunk, writes=bool(info["writes"]))
        args, options = check_call(task, str(plan.model_id), info.get("transformers"), call.args, options)
        return self.loaded.worker.run(args, options, streaming)

    def is_repeatable(self, error: ModelDenError, call: Call) -> bool:
        """Tell whether a run that failed with this error can succeed in another worker.

        It can if the GPU was lost, or if an earlier run blocked the worker. Chunks cannot be taken back.

        Raises:
            EngineCrashed: If chunks have come of a run whose worker an earlier run blocked.
        """
        if isinstance(error, DeviceLost):
            return call.receiver is None
        if not self._runs.is_blocked or not isinstance(error, EngineClosed):
            return False
        if call.receiver is not None and call.receiver.has_received:
            raise EngineCrashed("The engine's worker was ended, because a cancelled run did not end.") from error
        return True
