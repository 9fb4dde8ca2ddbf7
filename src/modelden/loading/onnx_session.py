"""An ONNX session: a raw model that is open in a worker, and opened again on wasm when its GPU is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from modelden.core.cleanup import clean_up
from modelden.core.events import EventEmitter
from modelden.engine.lifecycle import CLOSED, CRASHED, READY
from modelden.engine.onnx import OnnxModelInfo
from modelden.engine.tensor import Tensor
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, ModelDenError
from modelden.hub.store.tab_locks import ModelLease
from modelden.ports import SessionWorker


class OnnxSession:
    """An open raw model.

    Attributes:
        info: Its inputs, outputs and metadata, as the worker reports them.
        lease: Keeps its files from being evicted while it is open.
    """

    def __init__(
        self,
        worker: SessionWorker,
        info: OnnxModelInfo,
        emitter: EventEmitter,
        details: Mapping[str, Any],
        reopen: Callable[[str], Awaitable[OnnxSession]] | None,
        lease: ModelLease,
    ) -> None:
        """Adopt a worker in which the model is open.

        Args:
            worker: Runs the model.
            info: The worker's report of the model.
            emitter: Emits the events of the session.
            details: The details of its events.
            reopen: Opens the model again on wasm, given the browser's reason for the loss; None if it is on wasm.
            lease: Keeps its files from being evicted; ended with the session.
        """
        self.info = info
        self._worker: SessionWorker | None = worker
        self._emitter = emitter
        self._details = details
        self._reopen = reopen
        self.lease = lease
        self._reopen_lock = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """True if it was not closed."""
        return self._worker is not None

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """Run the model once; once more if the GPU is lost meanwhile.

        Raises:
            InputError: For inputs that are no tensors.
            EngineError: If the model fails, or was closed.
        """
        self.worker()  # a run of a closed session is an error of its caller, not an event
        try:
            results = await self._infer(outputs, feed)
        except ModelDenError as error:
            self._emitter.emit_error(error, "run")
            if isinstance(error, EngineCrashed):
                self.lease.end()
                self._emitter.emit_status(CRASHED, self._details)
            raise
        self._emitter.emit_run(lambda: self._details)
        return results

    def worker(self) -> SessionWorker:
        """Return the worker that runs it.

        Raises:
            EngineClosed: If the session was closed.
        """
        if self._worker is None:
            raise EngineClosed("The session is closed; open the model again.")
        return self._worker

    def close(self) -> None:
        """End the worker and the lease. Closing twice does nothing."""
        worker, self._worker, self._reopen = self._worker, None, None
        if worker is not None:
            clean_up(worker.close, self.lease.end)
            self._emitter.emit_status(CLOSED, self._details)

    def emit_ready(self) -> None:
        """Emit that it can be run."""
        self._emitter.emit_status(READY, self._details)

    async def _infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Tensor]:
        worker = self.worker()
        try:
            return await worker.infer(outputs, feed)
        except DeviceLost as error:
            await self._reopen_on_wasm(worker, error)
            return await self.worker().infer(outputs, feed)

    async def _reopen_on_wasm(self, lost: SessionWorker, error: DeviceLost) -> None:
        """Open the model on wasm, once for all runs that the loss of the GPU ended."""
        async with self._reopen_lock:
            if self._worker is not lost or self._reopen is None:
                return
            self._emitter.emit_error(error, "run")
            self._emitter.emit_status(CRASHED, self._details)
            reopened = await self._reopen(error.reason)
            clean_up(lost.close, self.lease.end)
            self.lease = reopened.lease
            if self._worker is not lost:  # this session was closed meanwhile
                clean_up(reopened.worker().close, self.lease.end)
                return
            self.info, self._worker, self._reopen = reopened.info, reopened.worker(), None
            self.emit_ready()
