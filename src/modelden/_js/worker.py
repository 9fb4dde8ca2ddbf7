"""A module worker with requests and replies; the messages are those of ``web/worker/protocol.ts``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from pyodide.ffi import JsException, create_proxy

from modelden._js.ffi import js_name, js_object, map_exceptions
from modelden._js.worker_replies import Reply, ReplyCallback, ReplyHandler, StoppableReply, readable
from modelden._js.worker_scripts import Script
from modelden.errors import EngineClosed, EngineCrashed, EngineError, WorkerRefused

logger = logging.getLogger(__name__)


class WorkerPort:
    """A worker, its requests and their replies.

    One proxy receives all messages; `close` frees it.
    """

    def __init__(self, script: Script, on_event: Callable[[str, Any], None] | None = None) -> None:
        """Start the worker.

        Args:
            script: What it runs.
            on_event: Called with the type and the object of each message that is no reply.

        Raises:
            WorkerRefused: If the browser refuses it at once.
        """
        self._script = script
        self._script_runs = asyncio.Event()
        self._on_event = on_event
        self._replies: dict[int, asyncio.Future[Reply] | ReplyHandler] = {}
        self._listeners: dict[int, Callable[[str], None]] = {}
        self._ids = count(1)
        self._end_reason: EngineError | None = None
        self._on_crash: Callable[[EngineCrashed], None] | None = None
        self._worker = script.start()
        self._receiver = create_proxy(self.receive)
        self._worker.onmessage = self._receiver
        self._worker.onerror = self._receiver
        self._worker.onmessageerror = self._receiver

    @property
    def has_ended(self) -> bool:
        """True after the worker was closed, or died."""
        return self._end_reason is not None

    @property
    def end_reason(self) -> EngineError | None:
        """The error of requests after the worker was closed, or died; None before."""
        return self._end_reason

    async def wait_until_started(self) -> None:
        """Return when the worker's script runs, or the worker has ended."""
        await self._script_runs.wait()

    def post(self, *, transfer: Any = None, **message: Any) -> None:
        """Send a message; its values are plain or JavaScript objects.

        Args:
            transfer: A JavaScript array of buffers that are handed over instead of copied.
            **message: The members of the message.

        Raises:
            EngineError: If the worker has ended, or the browser cannot send the message.
        """
        if self._end_reason is not None:
            raise self._end_reason
        with map_exceptions(_not_sent):
            if transfer is None:
                self._worker.postMessage(js_object(**message))
            else:
                self._worker.postMessage(js_object(**message), transfer)

    def post_or_end(self, **message: Any) -> None:
        """Send a message that nobody waits for. If it cannot be sent, the worker is ended with the reason."""
        try:
            self.post(**message)
        except EngineError as error:
            self.close(error)

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
            listener: Called with the JSON of each ``chunk`` before the reply. Its exceptions fail the request.
            cancel: Type of the message that ends the request early: sent when the caller is cancelled, who then waits
                for the reply all the same. Without it a caller that is cancelled does not wait.
            **message: The members of the message.

        Raises:
            EngineError: If the worker answers with a failure, or the browser cannot send the message.
            WorkerRefused: If the browser does not start it.
            EngineCrashed: If the worker dies before it replies.
            EngineClosed: If it is closed before.
        """
        number = next(self._ids)
        loop = asyncio.get_running_loop()
        stop = None if cancel is None else partial(self.post_or_end, type=cancel, id=number)
        reply: asyncio.Future[Reply] = loop.create_future() if stop is None else StoppableReply(stop, loop)
        self._replies[number] = reply
        if listener is not None:
            self._listeners[number] = listener
        try:
            self.post(id=number, transfer=transfer, **message)
            return await self._wait_for(reply, number, cancel)
        finally:
            del self._replies[number]
            self._listeners.pop(number, None)

    def start(self, js_message: Any, transfer: Any, on_end: ReplyCallback) -> Callable[[], None]:
        """Send a request without suspending.

        Args:
            js_message: The message, a JavaScript object without an id. It may be sent again.
            transfer: A JavaScript array of buffers that are handed over; None for none.
            on_end: Called once with the reply, or with the error of the request; errors as those of `request`. It
                raises nothing.

        Returns:
            A function that asks the worker to end the request early, which has its reply all the same.

        Raises:
            EngineError: If the worker has ended, or the browser cannot send the message.
        """
        if self._end_reason is not None:
            raise self._end_reason
        js_message.id = number = next(self._ids)
        try:
            if transfer is None:
                self._worker.postMessage(js_message)
            else:
                self._worker.postMessage(js_message, transfer)
        except JsException as error:
            raise _not_sent(error) from error

        def end(reply: Reply | None, error: EngineError | None) -> None:
            self._replies.pop(number, None)
            on_end(reply, error)

        self._replies[number] = ReplyHandler(end)
        return partial(self.post_or_end, type="stop", id=number)

    async def _wait_for(self, reply: asyncio.Future[Reply], number: int, cancel: str | None) -> Reply:
        try:
            return await reply
        except (EngineError, asyncio.CancelledError):
            raise
        except Exception:  # the listener's
            if cancel is not None:
                self.post_or_end(type=cancel, id=number)
            raise

    def close(self, reason: EngineError | None = None) -> None:
        """End the worker. Pending requests fail with ``reason``, or else with `EngineClosed`."""
        if self._end_reason is not None:
            return
        self._end_reason = reason or EngineClosed("The engine was closed while it was at work.")
        self._worker.terminate()
        self._worker.onmessage = self._worker.onerror = self._worker.onmessageerror = None
        self._receiver.destroy()
        self._script_runs.set()
        self._script.revoke()
        for reply in list(self._replies.values()):
            if not reply.done():
                reply.set_exception(self._end_reason)
        self._report_crash()

    def watch(self, on_crash: Callable[[EngineCrashed], None]) -> None:
        """Call ``on_crash`` when the worker dies without having been closed, at once if it is dead."""
        self._on_crash = on_crash
        self._report_crash()

    def _report_crash(self) -> None:
        if isinstance(self._end_reason, EngineCrashed) and self._on_crash is not None:
            try:
                self._on_crash(self._end_reason)
            except Exception:  # who ends the worker waits for nothing
                logger.exception("The end of a worker could not be handled.")

    def crash(self, reason: str) -> None:
        """End a worker that died, or that cannot be relied on any more."""
        self.close(
            EngineCrashed(f"The engine's worker failed: {reason}. It is started anew when the engine is next used.")
        )

    def receive(self, event: Any) -> None:
        """Handle an event of the worker."""
        try:
            self._dispatch(event)
        except Exception as error:  # an event handler has no caller
            logger.exception("A message of a worker could not be handled.")
            self.crash(f"its message could not be handled: {error!r}")

    def _dispatch(self, event: Any) -> None:
        if event.type != "message":
            self._on_failed_event(event.type, getattr(event, "message", None) or "no details")
            return
        message = event.data
        match message.type:
            case "reply":
                self._on_reply(message)
            case "chunk":
                self._on_chunk(message.id, message.json)
            case "failure":
                self._fail(message.id, EngineError(_text(message.error)))
            case "crash":
                self.crash(_text(message.error))
            case "ready":
                self._on_ready(message.build)
            case kind:
                if self._on_event is not None:
                    self._on_event(kind, message)

    def _on_failed_event(self, kind: str, detail: str) -> None:
        if self._script_runs.is_set():
            self.crash(f"{kind}: {detail}")
        else:
            self.close(self._script.refusal(detail))

    def _on_ready(self, build: str) -> None:
        self._script_runs.set()
        try:
            self._script.check_build(build)
        except WorkerRefused as error:
            self.close(error)

    def _on_chunk(self, number: int, text: str) -> None:
        listener, reply = self._listeners.get(number), self._replies.get(number)
        if listener is None or reply is None or reply.done():
            return
        try:
            listener(text)
        except Exception as error:  # noqa: BLE001  the caller's own, raised to them by the request
            reply.set_exception(error)

    def _on_reply(self, message: Any) -> None:
        reply = self._replies.get(message.id)
        if reply is None or reply.done():  # its caller was cancelled
            return
        try:
            with readable():
                reply.set_result(Reply(message.json, message.buffers.to_py(), getattr(message, "metrics", None)))
        except EngineError as error:
            self._fail(message.id, error)

    def _fail(self, number: int, error: EngineError) -> None:
        reply = self._replies.get(number)
        if reply is not None and not reply.done():
            logger.debug("A worker request failed: %s", error)
            reply.set_exception(error)


def _not_sent(error: JsException) -> EngineError:
    return EngineError(f"The browser cannot send this to the engine's worker ({js_name(error)}: {error}).")


def _text(error: Any) -> str:
    # Some errors of Firefox and Emscripten have no message but a name or a stack.
    return str(error.message or error.stack or error.name)
