"""Events of `modelden.on` and their listeners. They stay in this page; nothing is sent anywhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from modelden.core.progress import ProgressCallback, ProgressEvent
from modelden.errors import InputError, ModelDenError

logger = logging.getLogger(__name__)

EventType = Literal["download", "engine", "run", "error", "update"]
"""Types of events that a listener can subscribe to."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        type: ``download``: a step of a file, runtime or model; ``engine``: a status; ``run``: a run that ended;
            ``error``: an error that a call or a renewal of settings ended with; ``update``: of a model or runtime.
        name: ``download``: `ProgressEvent.status_text`. ``engine``: the status. ``run``: ``done``. ``error``: the
            error's class. ``update``: ``available``, ``installed`` or ``failed``.
        engine_id: The engine that the event belongs to, if any; ``onnx-session`` for raw models.
        detail: ``download``: the fields of the `ProgressEvent`. ``engine``: task, model and revision. ``run``: the
            metrics; of raw models ``model``. ``error``: ``message``, and ``while``: ``create``, ``run`` or ``update``.
            ``update``: ``current`` and ``available``, each with model, revision, data type and runtime; ``message``
            when it failed.
        flow_id: The ``flow_id`` of the engine's options.
        time: Milliseconds since the epoch.
    """

    __module__ = "modelden"

    type: EventType
    name: str
    engine_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    flow_id: str | None = None
    time: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


EventListener = Callable[[Event], object]
"""Callback for events, called synchronously. An exception that it raises is logged and dropped."""


class Events:
    """Listeners by type."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[EventListener]] = {kind: [] for kind in get_args(EventType)}

    def on(self, kind: str, listener: EventListener) -> Callable[[], None]:
        """Subscribe ``listener`` to a type of events. The returned function unsubscribes it; it may be called again.

        Raises:
            InputError: For an unknown type.
        """
        listeners = self._listeners.get(kind)
        if listeners is None:
            raise InputError(f"There is no event {kind!r}; expected one of {', '.join(self._listeners)}.")
        # A function of its own, so that one listener can subscribe twice.
        subscription: EventListener = lambda event: listener(event)  # noqa: E731, PLW0108
        listeners.append(subscription)

        def unsubscribe() -> None:
            if subscription in listeners:
                listeners.remove(subscription)

        return unsubscribe

    def has_listeners(self, kind: EventType) -> bool:
        """Return True if a listener subscribed to the type."""
        return bool(self._listeners[kind])

    def emit(self, event: Event) -> None:
        """Call the listeners of the event's type."""
        for listener in list(self._listeners[event.type]):
            try:
                listener(event)
            except Exception:
                logger.exception("A listener failed on the event %s %s", event.type, event.name)


class EventEmitter(NamedTuple):
    """Emits the events of one engine or session, or of Remote Settings.

    Attributes:
        events: The listeners.
        engine_id: The name of the engine or session; None for what concerns all, such as settings.
        flow_id: The caller's ``flow_id``, which each event carries.
    """

    events: Events
    engine_id: str | None
    flow_id: str | None = None

    def emit_status(self, status: str, details: Mapping[str, Any]) -> None:
        """Emit a status."""
        self.events.emit(Event("engine", status, self.engine_id, details, self.flow_id))

    def emit_run(self, metrics: Callable[[], Mapping[str, Any]]) -> None:
        """Emit the end of a run. ``metrics`` is called only if there is a listener."""
        if self.events.has_listeners("run"):
            self.events.emit(Event("run", "done", self.engine_id, metrics(), self.flow_id))

    def emit_error(self, error: ModelDenError, operation: str) -> None:
        """Emit the error that ended an operation: ``create``, ``run`` or ``update``."""
        detail = {"message": str(error), "while": operation}
        self.events.emit(Event("error", type(error).__name__, self.engine_id, detail, self.flow_id))

    def emit_update(self, name: str, detail: Mapping[str, Any]) -> None:
        """Emit an update event."""
        self.events.emit(Event("update", name, self.engine_id, detail, self.flow_id))


class DownloadEvents(NamedTuple):
    """Emits the events of downloads.

    Attributes:
        events: The listeners.
    """

    events: Events

    def wrap_progress(
        self, on_progress: ProgressCallback | None, engine_id: str | None = None, flow_id: str | None = None
    ) -> ProgressCallback:
        """Return a progress callback that emits ``download`` events and calls ``on_progress``.

        Args:
            on_progress: The caller's callback.
            engine_id: The engine that the file is downloaded for.
            flow_id: The ``flow_id`` of that engine's options.
        """

        def emit(event: ProgressEvent) -> None:
            if self.events.has_listeners("download"):
                self.events.emit(Event("download", event.status_text, engine_id or None, asdict(event), flow_id))
            if on_progress is not None:
                on_progress(event)

        return emit


NO_LISTENERS = DownloadEvents(Events())
"""Events without listeners."""
