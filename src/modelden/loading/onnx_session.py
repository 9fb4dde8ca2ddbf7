"""An ONNX session: a raw model in a worker, opened again when its worker ended, lost its GPU or is kept busy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from modelden.core.cleanup import clean_up
from modelden.core.events import EventEmitter
from modelden.engine.lifecycle import CLOSED, CRASHED, READY
from modelden.engine.onnx import OnnxModelInfo
from modelden.engine.slot import WorkerRuns
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, EngineError, ModelDenError
from modelden.hub.store.usage import ModelLease
from modelden.loading.session_pool import PooledSession, SessionMoved
from modelden.ports import Ports

logger = logging.getLogger(__name__)


class RunFailure(NamedTuple):
    """The end of a run that may succeed in another worker.

    Attributes:
        error: Its error.
        worker: The session of the pool that it ran in.
        runs: The runs of that worker.
    """

    error: ModelDenError
    worker: PooledSession
    runs: WorkerRuns


_MOST_MOVES = 5
"""Times that a run is begun again in another worker."""


class OnnxSession:
    """An open raw model.

    Attributes:
        info: Its inputs, outputs and metadata, as the worker reports them.
        lease: Keeps its files from being evicted while it is open.
    """

    def __init__(
        self,
        worker: PooledSession,
        info: OnnxModelInfo,
        emitter: EventEmitter,
        details: Mapping[str, Any],
        reopen: Callable[[str | None, bool], Awaitable[OnnxSession]],
        lease: ModelLease,
        ports: Ports,
    ) -> None:
        """Adopt a session of the pool in which the model is open.

        Args:
            worker: Runs the model.
            info: The worker's report of the model.
            emitter: Emits the events of the session.
            details: The details of its events.
            reopen: Opens the model again: on wasm if it is given the browser's reason for the loss of the GPU, in a
                worker of its own if it is given True.
            lease: Keeps its files from being evicted; ended with the session.
            ports: The browser.
        """
        self.info = info
        self._worker: PooledSession | None = worker
        self._emitter = emitter
        self._details = details
        self._reopen = reopen
        self.lease = lease
        self._reopen_lock = asyncio.Lock()
        self._ports = ports
        self._runs = WorkerRuns(ports, self._on_blocked)
        self._is_alone = False

    @property
    def is_open(self) -> bool:
        """True if it was not closed."""
        return self._worker is not None

    async def infer(
        self,
        outputs: Sequence[str],
        feeds: Sequence[Mapping[str, Any]],
        timeout: float | None = None,  # noqa: ASYNC109  the page's time, without that of its sleep
        failure: RunFailure | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Run the model once for each of the feeds; again if its worker ended through something else.

        Args:
            outputs: Names of the requested outputs.
            feeds: The feeds.
            timeout: Seconds that it may take; None for no limit.
            failure: The failure of `start`, which this call goes on from.

        Raises:
            InputError: For inputs that are no tensors.
            EngineTimeout: If it takes longer than ``timeout``.
            EngineError: If the model fails, or was closed.
        """
        if failure is None:
            self.worker()  # a run of a closed session is an error of its caller, not an event
        try:
            results = await self._infer(outputs, feeds, timeout, failure)
        except ModelDenError as error:
            self._emitter.emit_error(error, "run")
            if isinstance(error, EngineCrashed):
                self._is_alone = True
                self.lease.end()
                self._emitter.emit_status(CRASHED, self._details)
            raise
        self._emitter.emit_run(lambda: self._details)
        return results

    def start(
        self,
        outputs: Sequence[str],
        feed: Mapping[str, Any],
        on_end: Callable[[Mapping[str, Any] | None, RunFailure | None], None],
    ) -> Callable[[], object] | None:
        """Send one run at once, without a task: each wait costs a turn of the event loop.

        Args:
            outputs: Names of the requested outputs.
            feed: The feed.
            on_end: Called at the end with the outputs by their names, or with the failure for `infer`.

        Returns:
            A function that abandons the run. None if the run needs `infer` from the beginning.

        Raises:
            EngineClosed: If the session was closed.
        """
        worker, runs = self.worker(), self._runs
        if worker.has_ended:
            return None
        run = runs.begin()

        def end(results: Mapping[str, Any] | None, error: ModelDenError | None) -> None:
            runs.end(run)
            if error is None:
                self._emitter.emit_run(lambda: self._details)
            on_end(results, None if error is None else RunFailure(error, worker, runs))

        stop = None
        with suppress(EngineError):  # `infer` meets it too
            stop = worker.start_infer(outputs, feed, end)
        if stop is None:
            runs.end(run)
            return None
        end_early = stop

        def abandon() -> None:
            runs.abandon(run)
            end_early()

        return abandon

    def worker(self) -> PooledSession:
        """Return the session of the pool that runs it.

        Raises:
            EngineClosed: If the session was closed.
        """
        if self._worker is None:
            raise EngineClosed("The session is closed; open the model again.")
        return self._worker

    def close(self) -> None:
        """Free the model and end the lease. Closing twice does nothing."""
        worker, self._worker = self._worker, None
        if worker is not None:
            clean_up(worker.close, self.lease.end)
            self._emitter.emit_status(CLOSED, self._details)

    def emit_ready(self) -> None:
        """Emit that it can be run."""
        self._emitter.emit_status(READY, self._details)

    async def _infer(
        self,
        outputs: Sequence[str],
        feeds: Sequence[Mapping[str, Any]],
        timeout: float | None,  # noqa: ASYNC109  as `infer`
        failure: RunFailure | None,
    ) -> Sequence[Mapping[str, Any]]:
        has_lost_gpu, moves = False, 0
        while True:
            if failure is not None:
                error, worker, runs = failure
                attempt: Coroutine[Any, Any, Sequence[Mapping[str, Any]]] = _fail(error)
                failure = None
            else:
                worker, runs = self.worker(), self._runs
                if worker.has_ended:
                    await self._reopen_model(worker, None)
                    continue
                attempt = runs.run(worker.infer(outputs, feeds), timeout)
            try:
                return await attempt
            except DeviceLost as error:
                if has_lost_gpu:
                    raise
                has_lost_gpu = True
                await self._reopen_model(worker, error)
            except SessionMoved as moved:
                moves += 1
                if moves > _MOST_MOVES:
                    raise EngineCrashed(f"The worker of the session ended {moves} times: {moved}") from moved
                await self._reopen_model(worker, None)
            except EngineClosed:
                if not self._is_repeatable(runs):
                    raise

    def _is_repeatable(self, runs: WorkerRuns) -> bool:
        """Tell whether the worker of a run was closed because an earlier run blocked it."""
        return runs.is_blocked and self.is_open

    def _on_blocked(self) -> None:
        logger.warning("A cancelled run of a session did not end, so its worker was ended; the next run has a new one.")
        self._is_alone = True
        self.worker().end_worker()
        self._emitter.emit_status(CLOSED, self._details)

    async def _reopen_model(self, previous: PooledSession, error: DeviceLost | None) -> None:
        """Open the model in another worker, once for all runs that the end of the previous one ended."""
        async with self._reopen_lock:
            if self._worker is not previous:
                return
            if error is not None:
                self._emitter.emit_error(error, "run")
                self._emitter.emit_status(CRASHED, self._details)
            reopened = await self._reopen(None if error is None else error.reason, self._is_alone)
            clean_up(previous.close, self.lease.end)
            self.lease = reopened.lease
            if self._worker is not previous:  # this session was closed meanwhile
                clean_up(reopened.worker().close, self.lease.end)
                return
            self.info, self._worker = reopened.info, reopened.worker()
            self._runs = WorkerRuns(self._ports, self._on_blocked)
            self.emit_ready()


async def _fail(error: ModelDenError) -> NoReturn:
    raise error
