"""The reply to a request of a worker, and those that wait for it. Apart from `worker` for its size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from modelden.errors import EngineError


class Reply(NamedTuple):
    """The reply to a request: the fields of ``ReplyMessage``."""

    json: str
    buffers: list[memoryview]
    metrics: str | None

    def decode(self) -> Any:
        """Return the reply's value: plain Python data with tensors and images.

        Raises:
            EngineError: If the reply has another form than the protocol's.
        """
        from modelden.engine.values import decode_reply  # not needed to start a worker

        with readable():
            return decode_reply(self.json, self.buffers)


type ReplyCallback = Callable[[Reply | None, EngineError | None], None]
"""Receives the reply to a request, or its error. It raises nothing."""


class StoppableReply(asyncio.Future[Reply]):
    """A reply whose waiting task, when it is cancelled, asks the worker to stop and goes on until the reply.

    Then the task gets its `CancelledError`: asyncio cancels what a task waits for, or its next step.
    """

    def __init__(self, stop: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        """Create a reply; ``stop`` asks the worker."""
        super().__init__(loop=loop)
        self._stop: Callable[[], None] | None = stop

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002  asyncio's
        """Ask the worker to stop, once, and return that it goes on."""
        stop, self._stop = self._stop, None
        if stop is not None and not self.done():
            stop()
        return False


class ReplyHandler:
    """Stands for the future of a reply where a function handles it at once, without a turn of the event loop."""

    def __init__(self, on_end: ReplyCallback) -> None:
        """Create a handler; ``on_end`` is called once."""
        self._on_end: ReplyCallback | None = on_end

    def done(self) -> bool:
        """Return True after the end."""
        return self._on_end is None

    def set_result(self, reply: Reply) -> None:
        """Hand the reply over."""
        self._end(reply, None)

    def set_exception(self, error: Exception) -> None:
        """Hand an error over."""
        self._end(None, error if isinstance(error, EngineError) else EngineError(str(error)))

    def _end(self, reply: Reply | None, error: EngineError | None) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(reply, error)


@contextmanager
def readable() -> Iterator[None]:
    """Raise an `EngineError` for a reply of another form than the protocol's."""
    try:
        yield
    except Exception as error:
        raise EngineError(f"The engine's reply cannot be read: {error!r}.") from error
