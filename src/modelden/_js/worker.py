"""A module worker with requests and replies; the messages are those of ``web/worker/protocol.ts``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import js
from pyodide.ffi import create_once_callable, create_proxy

from modelden._js.ffi import js_object
from modelden._js.worker_scripts import Script
from modelden.errors import EngineClosed, EngineCrashed, EngineError, WorkerRefused

logger = logging.getLogger(__name__)


class DeathWatch:
    """Waits for the lock of one worker."""

    def __init__(self, lock: str, on_death: Callable[[], None]) -> None:
        """Call ``on_death`` when the holder of the lock is gone."""
        self._on_death: Callable[[], None] | None = on_death
        self._abort = js.AbortController.new()
        self._granted = create_once_callable(self._grant)
        waiting = js.navigator.locks.request(lock, js_object(signal=self._abort.signal), self._granted)
        waiting.catch(js.Boolean)  # aborted: nobody wants to know; any function of JavaScript's own will do

    def end(self) -> None:
        """Wait no more."""
        if self._on_death is not None:
            self._on_death = None
            self._abort.abort()
            self._granted.destroy()

    def _grant(self, _lock: object) -> None:
        on_death, self._on_death = self._on_death, None
        if on_death is not None:
            on_death()


class Reply(NamedTuple):
    """What a request was answered with: the fields of ``ReplyMessage``."""

    json: str
    buffers: list[memoryview]
    metrics: str | None


class WorkerPort:
    """Starts a worker and talks with it.

    One proxy receives all messages; `close` frees it.
    """

    def __init__(self, script: Script, on_event: Callable[[str, Any], None] | None = None) -> None:
        """Start the worker.

        Args:
            script: What it runs.
            on_event: Called with the type and the object of each message that answers no request.

        Raises:
            WorkerRefused: If the browser refuses it at once.
        """
        self._script = script
        self._is_up = asyncio.Event()
        self._on_event = on_event
        self._pending: dict[int, asyncio.Future[Reply]] = {}
        self._listeners: dict[int, Callable[[str], None]] = {}
        self._ids = count(1)
        self._end: EngineError | None = None
        self._on_crash: Callable[[EngineCrashed], None] | None = None
        self._worker = script.start()
        self._receiver = create_proxy(self._receive)
        self._worker.onmessage = self._receiver
        self._worker.onerror = self._receiver
        self._worker.onmessageerror = self._receiver

    @property
    def has_ended(self) -> bool:
        """It was closed, or died."""
        return self._end is not None

    async def started(self) -> None:
        """Return when the worker has said that it is there, or has ended."""
        await self._is_up.wait()

    def post(self, *, transfer: Any = None, **message: Any) -> None:
        """Send a message; its values are plain or JavaScript objects.

        Args:
            transfer: A JavaScript array of buffers that are handed over instead of copied.
            **message: The members of the message.

        Raises:
            EngineError: If the worker has ended.
        """
        if self._end is not None:
            raise self._end
        if transfer is None:
            self._worker.postMessage(js_object(**message))
        else:
            self._worker.postMessage(js_object(**message), transfer)

    async def request(
        self,
        *,
        transfer: Any = None,
        listener: Callable[[str], None] | None = None,
        cancel: str | None = None,
        **message: Any,
    ) -> Reply:
        """Send a message and return its reply.

        Args:
            transfer: As in `post`.
            listener: Called with the JSON of each ``chunk`` before the reply. What it raises fails the request.
            cancel: Type of the message that ends the request early: posted when the caller gives up.
            **message: The members of the message.

        Raises:
            EngineError: If the worker says that it failed.
            WorkerRefused: If the browser does not start it.
            EngineCrashed: If the worker dies before it replies.
            EngineClosed: If it is closed before.
        """
        number = next(self._ids)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending[number] = reply
        if listener is not None:
            self._listeners[number] = listener
        try:
            self.post(id=number, transfer=transfer, **message)
            return await reply
        finally:
            del self._pending[number]
            self._listeners.pop(number, None)
            if cancel is not None and self._end is None and not _was_answered(reply):
                self.post(type=cancel, id=number)

    def close(self, reason: EngineError | None = None) -> None:
        """End the worker. Pending requests fail with ``reason``, `EngineClosed` if there is none."""
        if self._end is not None:
            return
        self._end = reason or EngineClosed("The engine was closed while it was at work.")
        self._worker.terminate()
        self._worker.onmessage = self._worker.onerror = self._worker.onmessageerror = None
        self._receiver.destroy()
        self._is_up.set()
        self._script.revoke()
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(self._end)
        if isinstance(self._end, EngineCrashed) and self._on_crash is not None:
            self._on_crash(self._end)

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead."""
        self._on_crash = on_crash
        if isinstance(self._end, EngineCrashed):
            on_crash(self._end)

    def crash(self, reason: str) -> None:
        """End the worker: it died, or is not to be relied on any more."""
        self.close(
            EngineCrashed(f"The engine's worker failed: {reason}. It is started anew when the engine is next used.")
        )

    def _receive(self, event: Any) -> None:
        if event.type != "message":
            self._fail(event.type, getattr(event, "message", None) or "no details")
            return
        message = event.data
        match message.type:
            case "reply":
                try:
                    result = _reply(message)
                except Exception as error:  # noqa: BLE001  in an event handler: otherwise nobody would hear of it
                    self._settle(message.id, error=EngineError(f"The engine's reply cannot be read: {error!r}."))
                else:
                    self._settle(message.id, result=result)
            case "chunk":
                self._hear(message.id, message.json)
            case "failure":
                self._settle(message.id, error=EngineError(_text(message.error)))
            case "crash":
                self.crash(_text(message.error))
            case "ready":
                self._ready(message.build)
            case other:
                if self._on_event is not None:
                    self._on_event(other, message)

    def _fail(self, kind: str, detail: str) -> None:
        if self._is_up.is_set():
            self.crash(f"{kind}: {detail}")
        else:
            self.close(self._script.refusal(detail))

    def _ready(self, build: str) -> None:
        self._is_up.set()
        try:
            self._script.check_build(build)
        except WorkerRefused as error:
            self.close(error)

    def _hear(self, number: int, text: str) -> None:
        listener, reply = self._listeners.get(number), self._pending.get(number)
        if listener is None or reply is None or reply.done():
            return
        try:
            listener(text)
        except Exception as error:  # noqa: BLE001  the caller's own; nobody above could raise it to them
            reply.set_exception(error)

    def _settle(
        self,
        number: int,
        *,
        result: Reply | None = None,
        error: EngineError | None = None,
    ) -> None:
        reply = self._pending.get(number)
        if reply is None or reply.done():  # its caller was cancelled
            return
        if error is not None:
            logger.debug("A worker request failed: %s", error)
            reply.set_exception(error)
        elif result is not None:
            reply.set_result(result)


def _was_answered(reply: asyncio.Future[Any]) -> bool:
    return reply.done() and not reply.cancelled() and isinstance(reply.exception(), EngineError | None)


def _reply(message: Any) -> Reply:
    return Reply(message.json, message.buffers.to_py(), getattr(message, "metrics", None))


def _text(error: Any) -> str:
    # Some errors of Firefox and Emscripten have no message but a name or a stack.
    return str(error.message or error.stack or error.name)
