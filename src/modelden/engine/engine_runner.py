"""What is behind an engine: its life, its worker, and the way from one worker to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from modelden.core.events import EventEmitter
from modelden.engine.lifecycle import Lifecycle, Status
from modelden.engine.metrics import RunMetrics
from modelden.engine.plan import EngineRecord
from modelden.engine.streaming import Chunk, pop_streaming
from modelden.engine.update_status import UPDATE_AVAILABLE
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, ModelDenError

if TYPE_CHECKING:
    from modelden.core.events import Events
    from modelden.core.progress import ProgressCallback
    from modelden.engine.options import PipelineOptions
    from modelden.engine.plan import Plan
    from modelden.loading.engine_loader import LoadedModel
    from modelden.loading.update_fallback import LoaderWithFallback
    from modelden.ports import Ports

logger = logging.getLogger(__name__)


class Slot:
    """A worker in use, and the number of runs that go on in it."""

    __slots__ = ("loaded", "running")

    def __init__(self, loaded: LoadedModel) -> None:
        """Nothing runs yet."""
        self.loaded = loaded
        self.running = 0


class EngineRunner:
    """One engine's life.

    Attributes:
        request: What the caller asked for.
        plan: What it is made of, or was when it was last loaded.
        metrics: The JSON of the last run's metrics.
        listeners: Told each new status.
        teller: Tells what happens.
    """

    def __init__(self, request: PipelineOptions, source: LoaderWithFallback, ports: Ports, events: Events) -> None:
        """Nothing is loaded yet.

        Args:
            request: What the caller asked for.
            source: Loads the model, now and again.
            ports: The browser.
            events: Told what happens.
        """
        self.request = request
        self.plan: Plan | None = None
        self.metrics: str | None = None
        self.listeners: list[Callable[[Status], object]] = []
        self._source = source
        self._ports = ports
        self.teller = EventEmitter(events, request.engine_id, request.flow_id)
        self._life = Lifecycle(request.timeout_ms or 0)
        self._slot: Slot | None = None
        self._newest: LoadedModel | None = None
        self._replaced: set[Slot] = set()
        self._clearing: set[asyncio.Task[None]] = set()
        self._no_gpu_reason: str | None = None
        self._opening = asyncio.Lock()
        self._loading: asyncio.Task[LoadedModel] | None = None
        self._stop_timer: Callable[[], None] | None = None

    @property
    def status(self) -> Status:
        """Where it is in its life."""
        return self._life.status

    @property
    def has_ended(self) -> bool:
        """It was ended for good."""
        return self._life.has_ended

    @property
    def info(self) -> Mapping[str, Any]:
        """What the worker told of itself; empty while there is none."""
        return dict(self._slot.loaded.info) if self._slot else {}

    async def run(
        self, args: Sequence[Any], options: Mapping[str, Any], on_chunk: Callable[[Chunk], None] | None
    ) -> Any:
        """Run the model once, loading it first if it is not there; the errors are those of `Engine.run`.

        A run whose GPU is lost is done again without, unless it has told pieces of a text: those stay said.
        """
        try:
            return await self._run(args, options, on_chunk)
        except DeviceLost:
            if on_chunk is not None:
                raise
            return await self._run(args, options, on_chunk)

    async def _run(
        self, args: Sequence[Any], options: Mapping[str, Any], on_chunk: Callable[[Chunk], None] | None
    ) -> Any:
        slot = self._slot or await self._opened()
        rest = dict(options)
        task, writes = str(slot.loaded.plan.options.task_name), bool(slot.loaded.info["writes"])
        streaming = pop_streaming(task, rest, on_chunk, writes=writes)
        self._life.run_started()
        slot.running += 1
        try:
            value, metrics = await slot.loaded.worker.run(args, rest, streaming)
        except ModelDenError as error:
            self.teller.emit_error(error, "run")
            raise
        finally:
            slot.running -= 1
            if slot in self._replaced:
                clearing = asyncio.ensure_future(self._clear(slot))  # the result is not to wait for it
                self._clearing.add(clearing)
                clearing.add_done_callback(self._clearing.discard)
            self._life.run_ended(self._ports.clock.now())
            self._watch_idle()
        self.metrics = metrics
        if metrics:
            self.teller.emit_run(lambda: asdict(RunMetrics.of(metrics)))
        return value

    async def open(self, on_progress: ProgressCallback | None = None) -> None:
        """Load the model if it is not there; the errors are those of `Engine.open`."""
        async with self._opening:
            if self._slot is not None:
                return
            self._life.loading()
            self._tell_status()
            try:
                loaded = await self._load(self._source.open(self.request, on_progress, no_gpu=self._no_gpu_reason))
            except BaseException as error:
                if not self._life.has_ended:
                    self._life.failed()
                    self._tell_status()
                if isinstance(error, ModelDenError):
                    self.teller.emit_error(error, "create")
                raise
            self._life.timeout_ms = loaded.plan.options.timeout_ms or 0
            self._life.loaded(self._ports.clock.now())
            self._adopt(loaded)
            self._tell_status()
            self._watch_idle()
            await self._source.delete_previous_revisions(loaded)

    async def update(self, on_progress: ProgressCallback | None = None, *, ask: bool = True) -> bool:
        """Move to what there is now (``ask`` the hub of a branch); result and errors are those of `Engine.update`."""
        async with self._opening:
            self._life.check_not_ended()
            plan = await self._source.plan(self.request, on_progress)
            if self.plan is not None:
                known = EngineRecord(self.request, self.plan)
                if await self._source.status(known, plan, ask=ask) != UPDATE_AVAILABLE:
                    return False
            slot = self._slot
            try:
                loaded = await self._load(
                    self._source.load(self.request, plan, on_progress, no_gpu=self._no_gpu_reason)
                )
            except ModelDenError as error:
                if self.plan is not None and not self._life.has_ended:
                    self._source.emit_update_failed(self.request, self.plan, plan, error)
                self.teller.emit_error(error, "update")
                raise
            if slot is None or self._slot is not slot:  # it sleeps, or fell asleep meanwhile
                loaded.close()
                self.plan = plan
                await self._source.delete_previous_revisions(loaded)
            else:
                self._adopt(loaded)
                self._replaced.add(slot)
                await self._clear(slot)
            return True

    async def refresh(self, on_progress: ProgressCallback | None = None) -> None:
        """Be ready, with what Remote Settings say now if that can be had.

        Raises:
            EngineClosed: If the engine was closed before, or while it loaded.
            ModelDenError: If it was not ready and cannot be loaded.
        """
        if self._slot is None:
            await self.open(on_progress)
            return
        try:
            await self.update(on_progress, ask=False)  # as Firefox: an engine that is there needs no request
        except EngineClosed:
            raise
        except ModelDenError as error:
            logger.debug("The engine %s goes on as it is: %s", self.request.engine_id, error)

    def end(self, reason: str) -> None:
        """End it for good; later runs fail with `EngineClosed` and this reason."""
        if self._life.has_ended:
            return
        self._life.ended(reason)
        if self._loading is not None:
            self._loading.cancel()
        for slot in self._replaced:
            slot.loaded.close()
        self._drop()
        self._tell_status()

    async def _opened(self) -> Slot:
        await self.open()
        if self._slot is None:
            raise EngineCrashed(f"The engine {self.request.engine_id} died as soon as it was loaded.")
        return self._slot

    async def _load(self, loading: Coroutine[Any, Any, LoadedModel]) -> LoadedModel:
        """Do it in a task of its own, which `end` can stop."""
        self._loading = asyncio.ensure_future(loading)
        try:
            loaded = await self._loading
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                self._life.check_not_ended()
            raise
        finally:
            self._loading = None
        if self._life.has_ended:
            loaded.close()
            self._life.check_not_ended()
        self._newest = loaded
        return loaded

    def _adopt(self, loaded: LoadedModel) -> None:
        slot = self._slot = Slot(loaded)
        self.plan = loaded.plan
        loaded.worker.watch(lambda error: self._crashed(slot, error))

    async def _clear(self, slot: Slot) -> None:
        """End a worker that was replaced, and remove what only it used; nothing happens while a run goes on in it."""
        if slot.running:
            return
        self._replaced.discard(slot)
        slot.loaded.close()
        await slot.loaded.in_use.ended()
        if self._newest is not None:
            await self._source.delete_previous_revisions(self._newest)

    def _crashed(self, slot: Slot, error: EngineCrashed) -> None:
        if slot is not self._slot:
            return
        if isinstance(error, DeviceLost):
            self._no_gpu_reason = error.reason
        self._drop()
        self._life.crashed()
        self._tell_status()
        self.teller.emit_error(error, "run")

    def _drop(self) -> None:
        """End the worker, and the waiting for idleness."""
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.loaded.close()
        if self._stop_timer is not None:
            self._stop_timer()
            self._stop_timer = None

    def _watch_idle(self) -> None:
        """See to it that somebody looks when the engine will have been idle for long enough."""
        if self._stop_timer is None and (wait := self._life.idle_in(self._ports.clock.now())) is not None:
            self._stop_timer = self._ports.timers.call_later(wait, self._look)

    def _look(self) -> None:
        self._stop_timer = None
        if self._life.idle_in(self._ports.clock.now()) != 0:
            self._watch_idle()  # it was used meanwhile; while it runs, the run's end comes back here
            return
        logger.debug("The engine %s was idle for %s ms", self.request.engine_id, self._life.timeout_ms)
        self._drop()
        self._life.idled()
        self._tell_status()

    def _tell_status(self) -> None:
        for listener in list(self.listeners):
            try:
                listener(self.status)
            except Exception:
                logger.exception("A status listener failed on the engine %s", self.request.engine_id)
        state = self.plan.summary() if self.plan else {}
        task_name = self.plan.options.task_name if self.plan else self.request.task_name
        self.teller.emit_status(self.status, {"task_name": task_name, **state})
