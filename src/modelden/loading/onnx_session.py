"""A raw model that is open in a worker, and that goes on in another one when its GPU is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from modelden.core.events import EventEmitter
from modelden.engine.lifecycle import CLOSED, CRASHED, READY
from modelden.engine.onnx import SessionInfo
from modelden.engine.tensor import Tensor
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, ModelDenError
from modelden.hub.store.tab_locks import ModelLease
from modelden.ports import SessionWorker


class OnnxSession:
    """An open model.

    Attributes:
        info: What its worker tells of it.
        in_use: Keeps its files from being evicted while it is open.
    """

    def __init__(
        self,
        worker: SessionWorker,
        info: SessionInfo,
        teller: EventEmitter,
        about: Mapping[str, Any],
        without_gpu: Callable[[str], Awaitable[OnnxSession]] | None,
        in_use: ModelLease,
    ) -> None:
        """Adopt a worker.

        Args:
            worker: Runs the model.
            info: What it tells of it.
            teller: Tells what happens to it.
            about: What events say it is.
            without_gpu: Opens the model again on wasm, with what the browser says of its loss; None if it is there.
            in_use: Keeps its files from being evicted; ended with it.
        """
        self.info = info
        self._worker: SessionWorker | None = worker
        self._teller = teller
        self._about = about
        self._without_gpu = without_gpu
        self.in_use = in_use
        self._moving = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """It was not closed."""
        return self._worker is not None

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """Run the model once; once more if the GPU is lost meanwhile.

        Raises:
            InputError: For inputs that are no tensors.
            EngineError: If the model fails, or was closed.
        """
        self.worker()  # a run of a closed model is nothing that happened to it
        try:
            results = await self._infer(outputs, feed)
        except ModelDenError as error:
            self._teller.emit_error(error, "run")
            if isinstance(error, EngineCrashed):
                self.in_use.end()
                self._teller.emit_status(CRASHED, self._about)
            raise
        self._teller.emit_run(lambda: self._about)
        return results

    def worker(self) -> SessionWorker:
        """Return what runs it.

        Raises:
            EngineClosed: If it was closed.
        """
        if self._worker is None:
            raise EngineClosed("The session is closed; open the model again.")
        return self._worker

    def close(self) -> None:
        """End the worker. Closing twice does nothing."""
        worker, self._worker, self._without_gpu = self._worker, None, None
        if worker is not None:
            worker.close()
            self.in_use.end()
            self._teller.emit_status(CLOSED, self._about)

    def emit_ready(self) -> None:
        """Tell that it can be run."""
        self._teller.emit_status(READY, self._about)

    async def _infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Tensor]:
        worker = self.worker()
        try:
            return await worker.infer(outputs, feed)
        except DeviceLost as error:
            await self._go_on_without_gpu(worker, error)
            return await self.worker().infer(outputs, feed)

    async def _go_on_without_gpu(self, lost: SessionWorker, error: DeviceLost) -> None:
        """Open the model on wasm, once for all runs that were under way."""
        async with self._moving:
            if self._worker is not lost or self._without_gpu is None:
                return
            self._teller.emit_error(error, "run")
            self._teller.emit_status(CRASHED, self._about)
            again = await self._without_gpu(error.reason)
            lost.close()
            self.in_use.end()
            self.in_use = again.in_use
            if self._worker is not lost:  # it was closed meanwhile
                again.worker().close()
                self.in_use.end()
                return
            self.info, self._worker, self._without_gpu = again.info, again.worker(), None
            self.emit_ready()
