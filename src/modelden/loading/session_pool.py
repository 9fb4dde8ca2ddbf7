"""The pool of a page's session workers: raw models share one, and one that fails takes no other model down.

Rules, of ``docs/decisions/0052-raw-models-share-a-worker.md``:

- Models of the same runtime, threads and device share a worker while it has less than `ROOM` bytes of models.
- At most one session is at work in a worker. So the session at work is the cause of a crash, and of nothing else.
- A session that waits longer than `WAIT_LIMIT` for another one is opened again in another worker.
- A session that crashed or blocked its worker has a worker of its own from then on.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from modelden.core.awake_timer import AwakeTimer
from modelden.errors import DeviceLost, EngineClosed, EngineCrashed, EngineError, EngineTimeout
from modelden.ports import Blob, FileProvider, InferCallback, Ports, SessionWorker, WorkerSpec

ROOM = 256 * 2**20
"""Bytes of open models from which on a worker takes no more: its memory ends at 4 GB."""

WAIT_LIMIT = 1.0
"""Seconds that a session waits for another one of its worker."""

_OPENING = object()
"""Holds the turn of a worker for all models that are opened in it."""


class SessionMoved(Exception):
    """The worker of a session ended through another session, or another one keeps it busy.

    The session is opened again in another worker; the error reaches no caller.
    """


class PoolKey(NamedTuple):
    """The properties that the sessions of a worker have in common.

    Attributes:
        spec: The worker's script, runtime and threads.
        device: ``webgpu`` or another one. The loss of the GPU ends a worker.
    """

    spec: WorkerSpec
    device: str | None


class SessionPool:
    """The session workers of one configuration."""

    def __init__(self, ports: Ports, *, is_shared: bool) -> None:
        """Create a pool without workers.

        Args:
            ports: The browser.
            is_shared: False gives each session a worker of its own.
        """
        self._ports = ports
        self._is_shared = is_shared
        self._members: list[_Member] = []

    def take(self, key: PoolKey, *, is_alone: bool = False) -> PooledSession:
        """Return a session without a model: in a worker that has room and no run, else in a new one.

        Args:
            key: The properties of the worker.
            is_alone: The worker is new, and no other session joins it.

        Raises:
            WorkerRefused: If the browser refuses a worker at once.
        """
        is_alone = is_alone or not self._is_shared
        member = None if is_alone else next((each for each in self._members if each.takes(key)), None)
        if member is None:
            member = _Member(self._ports, key, self._members.remove, is_alone=is_alone)
            self._members.append(member)
        return member.add_session()

    def is_running(self, wasm: str) -> bool:
        """Tell whether a worker runs the runtime whose WASM file has this SHA-256."""
        return any(each.key.spec.wasm == wasm and each.is_running for each in self._members)


class PooledSession:
    """A raw model in a worker of the pool."""

    def __init__(self, member: _Member, number: int) -> None:
        self._member = member
        self._number = number
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of its model and of the files beside it."""
        return self._size

    @property
    def has_runtime(self) -> bool:
        """True if the worker has opened a model, so that its runtime runs."""
        return self._member.has_runtime

    @property
    def has_ended(self) -> bool:
        """True if its worker was closed, or died. Of the loss of a GPU the next run tells."""
        reason = self._member.worker.end_reason
        return reason is not None and not isinstance(reason, DeviceLost)

    async def open(
        self, options: Mapping[str, Any], wasm: Blob | None, model: Blob, files: FileProvider
    ) -> Mapping[str, Any]:
        """Open the model; arguments and errors as `ports.SessionWorker.open`.

        Raises:
            SessionMoved: If that failed in a way that another model of the worker may be the cause of.
        """

        async def count(path: str) -> Blob | None:
            blob = await files(path)
            self._size += 0 if blob is None else blob.size
            return blob

        async with self._member.turn(_OPENING):
            self._size = model.size
            try:
                facts = await self._member.worker.open(self._number, options, wasm, model, count)
            except EngineError as error:
                if self._member.is_crowded and _is_of_worker(error):
                    raise SessionMoved(str(error)) from error
                raise
            self._member.has_runtime = True
            return facts

    async def infer(self, outputs: Sequence[str], feeds: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Run the model; arguments and errors as `ports.SessionWorker.infer`.

        Raises:
            SessionMoved: If another session ended the worker, or is at work for too long.
        """
        async with self._member.turn(self):
            return await self._member.worker.infer(self._number, outputs, feeds)

    def start_infer(
        self, outputs: Sequence[str], feed: Mapping[str, Any], on_end: InferCallback
    ) -> Callable[[], object] | None:
        """Run the model at once, if no other session is at work; otherwise as `ports.SessionWorker.start_infer`."""
        member = self._member
        if not member.take_turn(self):
            return None

        def end(results: Mapping[str, Any] | None, error: EngineError | None) -> None:
            member.pass_turn()
            on_end(results, error)

        stop = None
        try:
            stop = member.worker.start_infer(self._number, outputs, feed, end)
        finally:
            if stop is None:
                member.pass_turn()
        return stop

    def close(self) -> None:
        """Free the model's memory; with its last model a worker ends. Closing twice does nothing."""
        self._member.remove(self, self._number)

    def end_worker(self) -> None:
        """End the worker, which a run of this session blocks. Its other sessions have to be opened again."""
        self._member.worker.close()


class _Member:
    """A worker, its sessions, and the one that is at work."""

    def __init__(self, ports: Ports, key: PoolKey, on_empty: Callable[[_Member], None], *, is_alone: bool) -> None:
        self.worker: SessionWorker = ports.sessions.start_session(key.spec)
        self.key = key
        self.has_runtime = False
        self._ports = ports
        self._on_empty = on_empty
        self._is_alone = is_alone
        self._sessions: set[PooledSession] = set()
        self._last_number = 0
        self._holder: object | None = None
        self._holds = 0
        self._queue: deque[tuple[object, asyncio.Future[None]]] = deque()

    @property
    def is_crowded(self) -> bool:
        """True if it has several sessions."""
        return len(self._sessions) > 1

    @property
    def is_running(self) -> bool:
        """True if its runtime runs."""
        return self.has_runtime and self.worker.end_reason is None

    def takes(self, key: PoolKey) -> bool:
        """Tell whether another session with these properties may join."""
        is_busy = self._holder not in (None, _OPENING) or self._queue
        has_room = sum(session.size for session in self._sessions) < ROOM and not self._is_alone
        return self.key == key and has_room and not is_busy and self.worker.end_reason is None

    def add_session(self) -> PooledSession:
        self._last_number += 1
        session = PooledSession(self, self._last_number)
        self._sessions.add(session)
        return session

    def remove(self, session: PooledSession, number: int) -> None:
        if session not in self._sessions:
            return
        self._sessions.discard(session)
        if not self._sessions:
            self._on_empty(self)
        if not self._sessions or self._holder is session:  # a run cannot be stopped, and its caller does not wait
            self.worker.close()
        else:
            self.worker.release(number)

    @asynccontextmanager
    async def turn(self, holder: object) -> AsyncIterator[None]:
        """Wait until no other session is at work, and be the one that is."""
        if not self.take_turn(holder):
            await self._wait(holder)
        try:
            self._check_worker(holder)
            yield
        finally:
            self.pass_turn()

    def take_turn(self, holder: object) -> bool:
        """Be the one that is at work, if no other session is, or waits; `pass_turn` ends that."""
        if self._queue or (self._holder is not None and self._holder is not holder):
            return False
        self._holder = holder
        self._holds += 1
        return True

    def _check_worker(self, holder: object) -> None:
        """Raise if the worker has ended through another session, or this one was closed meanwhile."""
        if isinstance(holder, PooledSession) and holder not in self._sessions:
            raise EngineClosed("The session was closed while it was at work.")
        reason = self.worker.end_reason
        if isinstance(holder, PooledSession) and isinstance(reason, DeviceLost):
            return  # the run tells
        if isinstance(reason, _ENDS) and (holder is not _OPENING or self.is_crowded):
            raise SessionMoved(str(self.worker.end_reason))

    async def _wait(self, holder: object) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def expire() -> None:
            if not turn.done():
                turn.set_exception(SessionMoved("Another session is at work in the worker."))

        self._queue.append((holder, turn))
        timer = AwakeTimer(self._ports.timers, self._ports.clock, WAIT_LIMIT, expire)
        try:
            await turn
        except BaseException:
            if turn.cancelled() or turn.exception() is not None:
                self._pass_on()
            else:  # cancelled when it had its turn
                self.pass_turn()
            raise
        finally:
            timer.cancel()

    def pass_turn(self) -> None:
        """End a piece of work; with the last one of its session the next session has its turn."""
        self._holds -= 1
        if not self._holds:
            self._holder = None
        self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to the next one that waits, and to all behind it of the same session."""
        while self._queue and (self._queue[0][1].done() or self._holder in (None, self._queue[0][0])):
            holder, turn = self._queue.popleft()
            if not turn.done():
                self._holder = holder
                self._holds += 1
                turn.set_result(None)


_ENDS = (EngineCrashed, EngineTimeout, EngineClosed)
"""Ends of a worker after which its other sessions are opened again."""

_NO_MEMORY = re.compile(r"bad_alloc|out of memory|allocation failed|could not allocate", re.IGNORECASE)
"""Texts of onnxruntime and of browsers for a WASM memory that is full."""


def _is_of_worker(error: EngineError) -> bool:
    """Tell whether a model that was not opened may be opened in a worker of its own."""
    return isinstance(error, _ENDS) or _NO_MEMORY.search(str(error)) is not None
