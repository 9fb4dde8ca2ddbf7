"""A run that is one message to the worker and one back, without a task: the result of `InferenceSession.run_async`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelden.loading.onnx_session import RunFailure


class DirectRun(asyncio.Future[list[Any]]):
    """The outputs of a run.

    Its result is set when the worker's message comes, so that its caller goes on in the next turn of the event loop. A
    task around the run, and one around that, would each take a turn more, as long as a small model.
    """

    def __init__(
        self,
        convert: Callable[[Mapping[str, Any]], list[Any]],
        recover: Callable[[RunFailure], Coroutine[Any, Any, list[Any]]],
    ) -> None:
        """Create a run that is not sent yet.

        Args:
            convert: Makes the result of the worker's outputs.
            recover: Runs the model again after a failure, or raises its error.
        """
        super().__init__(loop=asyncio.get_running_loop())
        self._convert = convert
        self._recover = recover
        self._abandon: Callable[[], object] | None = None
        self._recovery: asyncio.Task[None] | None = None

    def begin(self, abandon: Callable[[], object] | None) -> bool:
        """Note how the run is abandoned; False if it was not sent."""
        self._abandon = abandon
        return abandon is not None

    def end(self, outputs: Mapping[str, Any] | None, failure: RunFailure | None) -> None:
        """Take the end of the run."""
        self._abandon = None
        if self.done():
            return
        if failure is not None:
            self._recovery = asyncio.ensure_future(self._run_again(failure))
        elif outputs is not None:
            try:
                self.set_result(self._convert(outputs))
            except Exception as error:  # noqa: BLE001  raised to the caller
                self.set_exception(error)

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the worker to stop. The caller does not wait for it."""
        if not super().cancel(msg):
            return False
        if self._abandon is not None:
            self._abandon()
        if self._recovery is not None:
            self._recovery.cancel()
        return True

    async def _run_again(self, failure: RunFailure) -> None:
        try:
            result = await self._recover(failure)
        except asyncio.CancelledError:
            self.cancel()
            raise
        except Exception as error:  # noqa: BLE001  raised to the caller
            if not self.done():
                self.set_exception(error)
        else:
            if not self.done():
                self.set_result(result)
