"""A slot: a loaded worker of an engine, and the runs under way in it.

One caller, the engine runner: this module is what a run does in one worker, that one the way from worker to worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.engine.streaming import StreamReceiver, pop_streaming
from modelden.engine.worker_runs import WorkerRuns
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, ModelDenError

if TYPE_CHECKING:
    from modelden.loading.engine_loader import LoadedModel
    from modelden.ports import Ports


class Call(NamedTuple):
    """A call of `Engine.run` or `Engine.stream`.

    Attributes:
        args: Positional arguments of the pipeline.
        options: Its options, and those of streaming.
        timeout: Seconds that the model may take; None for no limit.
        receiver: Receives the chunks of a stream; else None.
    """

    args: Sequence[Any]
    options: Mapping[str, Any]
    timeout: float | None = None
    receiver: StreamReceiver | None = None


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
        options, receiver = dict(call.options), call.receiver
        task, writes = str(self.loaded.plan.options.task_name), bool(self.loaded.info["writes"])
        on_chunk = None if receiver is None else receiver.listen(self._runs.note_life)
        streaming = pop_streaming(task, options, on_chunk, writes=writes)
        work = self.loaded.worker.run(call.args, options, streaming)
        return await self._runs.run(work, call.timeout, None if receiver is None else receiver.interrupt)

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
