"""The engine runner: an engine's life behind the public `Engine`, and its way from one worker to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import EventEmitter
from modelden.engine.lifecycle import Lifecycle, Status
from modelden.engine.metrics import metrics_fields
from modelden.engine.plan import EngineRecord
from modelden.engine.slot import Call, Slot
from modelden.engine.update_status import UPDATE_AVAILABLE
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, ModelDenError, UntrustedError

if TYPE_CHECKING:
    from modelden.core.events import Events, ProgressCallback
    from modelden.engine.options import PipelineOptions
    from modelden.engine.plan import Plan
    from modelden.loading.engine_loader import LoadedModel
    from modelden.loading.update_fallback import LoaderWithFallback
    from modelden.ports import Ports

logger = logging.getLogger(__name__)


class EngineRunner:
    """The life of one engine.

    Attributes:
        request: The options that the caller gave.
        plan: The plan by which it was last loaded.
        metrics: The JSON of the last run's metrics.
        listeners: Called with each new status.
        emitter: Emits the events of the engine.
    """

    def __init__(self, request: PipelineOptions, loader: LoaderWithFallback, ports: Ports, events: Events) -> None:
        """Create a runner without a worker: ``loader`` loads the model each time that it is needed and not loaded."""
        self.request = request
        self.plan: Plan | None = None
        self.metrics: str | None = None
        self.listeners: list[Callable[[Status], object]] = []
        self.emitter = EventEmitter(events, request.engine_id, request.flow_id)
        self._loader = loader
        self._ports = ports
        self._lifecycle = Lifecycle(request.timeout_ms or 0)
        self._slot: Slot | None = None
        self._last_loaded: LoadedModel | None = None
        self._replaced: set[Slot] = set()
        self._lost_gpu: str | None = None
        self._load_lock = asyncio.Lock()
        self._load_task: asyncio.Task[LoadedModel] | None = None
        self._cancel_idle_timer: Callable[[], None] | None = None
        self._tasks = BackgroundTasks()

    @property
    def status(self) -> Status:
        """The current status."""
        return self._lifecycle.status

    @property
    def has_ended(self) -> bool:
        """True if it was ended for good."""
        return self._lifecycle.has_ended

    @property
    def info(self) -> Mapping[str, Any]:
        """The worker's report of itself; empty without a worker."""
        return dict(self._slot.loaded.info) if self._slot else {}

    async def run(self, call: Call) -> Any:
        """Run the model once, loading it first if it is not loaded; the errors are those of `Engine.run`.

        A run that loses the GPU is repeated without, and one that waited behind a run that blocked the worker is
        repeated in a new one. A run whose text is streamed is not: its chunks cannot be taken back.
        """
        has_lost_gpu = False
        while True:
            if self._slot is None:
                await self.open()
            if (slot := self._slot) is None:
                raise EngineCrashed(f"The engine {self.request.engine_id} died as soon as it was loaded.")
            try:
                value, text = await self._run(slot, call)
            except ModelDenError as error:
                is_lost, is_repeatable = isinstance(error, DeviceLost), slot.is_repeatable(error, call)
                if is_lost or not is_repeatable:
                    self.emitter.emit_error(error, "run")
                if has_lost_gpu or self.has_ended or not is_repeatable:
                    raise
                has_lost_gpu = is_lost
                continue
            if text is not None:  # the facts that a chat begins with have no metrics
                self.metrics = text
                self.emitter.emit_run(partial(metrics_fields, text))
            return value

    async def _run(self, slot: Slot, call: Call) -> tuple[Any, str | None]:
        self._lifecycle.run_started()
        try:
            return await slot.run(call)
        finally:
            if slot in self._replaced:  # the result does not wait for it
                self._tasks.start(self._close_replaced(slot), "delete the revision that was replaced")
            self._lifecycle.run_ended(self._ports.clock.now())
            self._schedule_idle_check()

    async def open(self, on_progress: ProgressCallback | None = None) -> None:
        """Load the model if it is not loaded; the errors are those of `modelden.create_engine`."""
        async with self._load_lock:
            if self._slot is not None:
                return
            self._lifecycle.load_started()
            self._emit_status()
            try:
                loaded = await self._load(self._loader.open(self.request, on_progress, lost_gpu=self._lost_gpu))
            except BaseException as error:
                if not self._lifecycle.has_ended:
                    self._lifecycle.load_failed()
                    self._emit_status()
                if isinstance(error, ModelDenError):
                    self.emitter.emit_error(error, "create")
                raise
            self._lifecycle.load_succeeded(self._ports.clock.now(), loaded.plan.options.timeout_ms or 0)
            self._use(loaded)
            self._emit_status()
            self._schedule_idle_check()
            await self._loader.delete_previous_revisions(loaded)

    async def update(self, on_progress: ProgressCallback | None = None) -> bool:
        """Load what is available now, if it is newer; result and errors are those of `Engine.update`."""
        async with self._load_lock:
            self._lifecycle.check_not_ended()
            try:
                if plan := await self._newer_plan(on_progress, check_hub=True):
                    await self._replace(plan, on_progress)
            except ModelDenError as error:
                self.emitter.emit_error(error, "update")
                raise
            return plan is not None

    async def refresh(self, on_progress: ProgressCallback | None = None) -> None:
        """Be ready, with what Remote Settings say now if that can be had.

        Raises:
            EngineClosed: If the engine was closed before, or while it loaded.
            ModelDenError: If it was not ready and cannot be loaded.
        """
        if self._slot is None:
            await self.open(on_progress)
            return
        plan = None
        async with self._load_lock:
            self._lifecycle.check_not_ended()
            try:
                # As Firefox: an engine that is loaded sends no request to the hub.
                if plan := await self._newer_plan(on_progress, check_hub=False):
                    await self._replace(plan, on_progress)
            except EngineClosed:
                raise
            except ModelDenError as error:
                # A server that cannot be reached is usual, a forged answer and a load that fails are not.
                if is_notable := plan is not None or isinstance(error, UntrustedError):
                    self.emitter.emit_error(error, "update")
                level = logging.WARNING if is_notable else logging.DEBUG
                logger.log(level, "The engine %s goes on as it is: %s", self.request.engine_id, error)

    def end(self, reason: str) -> None:
        """End it for good; later runs raise `EngineClosed` with this reason."""
        if self._lifecycle.has_ended:
            return
        self._lifecycle.ended(reason)
        if self._load_task is not None:
            self._load_task.cancel()
        for slot in self._replaced:
            slot.loaded.close()
        self._close_worker()
        self._emit_status()

    async def _newer_plan(self, on_progress: ProgressCallback | None, *, check_hub: bool) -> Plan | None:
        plan = await self._loader.plan(self.request, on_progress)
        if self.plan is None:
            return plan
        state = await self._loader.update_state(EngineRecord(self.request, self.plan), plan, check_hub=check_hub)
        return plan if state == UPDATE_AVAILABLE else None

    async def _replace(self, plan: Plan, on_progress: ProgressCallback | None) -> None:
        """Load the model of a newer plan beside the one in use, and use it."""
        slot = self._slot
        try:
            loaded = await self._load(self._loader.load(self.request, plan, on_progress, lost_gpu=self._lost_gpu))
        except ModelDenError as error:
            if self.plan is not None and not self._lifecycle.has_ended:
                self._loader.emit_update_failed(self.request, self.plan, plan, error)
            raise
        if slot is None or self._slot is not slot:  # it was closed as idle, or is since the load began
            loaded.close()
            self.plan = plan
            await self._loader.delete_previous_revisions(loaded)
        else:
            self._use(loaded)
            self._replaced.add(slot)
            await self._close_replaced(slot)

    async def _load(self, loading: Coroutine[Any, Any, LoadedModel]) -> LoadedModel:
        """Load in a task of its own, which `end` can cancel."""
        task = self._load_task = asyncio.ensure_future(loading)
        try:
            loaded = await task
        except asyncio.CancelledError:
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().close()  # the caller was cancelled in the turn in which the load succeeded
            if (caller := asyncio.current_task()) is None or not caller.cancelling():
                self._lifecycle.check_not_ended()
            raise
        finally:
            self._load_task = None
        if self._lifecycle.has_ended:
            loaded.close()
            self._lifecycle.check_not_ended()
        self._last_loaded = loaded
        return loaded

    def _use(self, loaded: LoadedModel) -> None:
        slot = self._slot = Slot(loaded, self._ports, self._on_blocked)
        self.plan = loaded.plan
        loaded.worker.watch(lambda error: self._on_crash(slot, error))

    async def _close_replaced(self, slot: Slot) -> None:
        """End a worker that was replaced, and delete the files that only it used, unless a run is under way in it."""
        if slot.is_in_use:
            return
        self._replaced.discard(slot)
        slot.loaded.close()
        await slot.loaded.lease.wait_ended()
        if self._last_loaded is not None:
            await self._loader.delete_previous_revisions(self._last_loaded)

    def _on_crash(self, slot: Slot, error: EngineCrashed) -> None:
        if slot is not self._slot:
            return
        if isinstance(error, DeviceLost):
            self._lost_gpu = error.reason
        self._close_worker()
        self._lifecycle.crashed()
        self._emit_status()
        self.emitter.emit_error(error, "run")

    def _on_blocked(self, slot: Slot) -> None:
        """End a worker that a cancelled run blocks. Runs that wait in it are repeated in the next one."""
        logger.warning(
            "A cancelled run of the engine %s did not end, so its worker was ended; the next run loads it again.",
            self.request.engine_id,
        )
        slot.loaded.close()
        if slot is self._slot:
            self._close_worker()
            self._lifecycle.closed_as_blocked()
            self._emit_status()

    def _close_worker(self) -> None:
        """End the worker, and its idle timer."""
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.loaded.close()
        cancel, self._cancel_idle_timer = self._cancel_idle_timer, None
        if cancel is not None:
            cancel()

    def _schedule_idle_check(self) -> None:
        """Start the idle timer, unless it runs or a run is under way."""
        wait = self._lifecycle.milliseconds_until_idle(self._ports.clock.now())
        if self._cancel_idle_timer is None and wait is not None:
            self._cancel_idle_timer = self._ports.timers.call_later(wait, self._check_idle)

    def _check_idle(self) -> None:
        self._cancel_idle_timer = None
        if self._lifecycle.milliseconds_until_idle(self._ports.clock.now()) != 0:
            self._schedule_idle_check()  # it was used meanwhile; the end of a run under way schedules the next check
            return
        logger.debug("The engine %s was idle for %s ms", self.request.engine_id, self._lifecycle.timeout_ms)
        self._close_worker()
        self._lifecycle.closed_as_idle()
        self._emit_status()

    def _emit_status(self) -> None:
        for listener in list(self.listeners):
            try:
                listener(self.status)
            except Exception:
                logger.exception("A status listener failed on the engine %s", self.request.engine_id)
        status, summary = self.status, self.plan.summary() if self.plan else {}
        task_name = self.plan.options.task_name if self.plan else self.request.task_name
        self.emitter.emit_status(status, {"task_name": task_name, **summary})
