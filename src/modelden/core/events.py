"""What happens, for whoever wants to know: `modelden.on`. It stays in this page; nothing is sent anywhere."""

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
"""What one can listen to."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        type: ``download``: a step of a file, runtime or model; ``engine``: a status; ``run``: a run that ended;
            ``error``: an error that a call ended with; ``update``: of a model or runtime.
        name: What exactly. ``download``: `ProgressEvent.status_text`. ``engine``: the status. ``run``: ``done``.
            ``error``: the error's class. ``update``: ``available``, ``installed`` or ``failed``.
        engine_id: The engine, when it is about one; ``onnx-session`` for raw models.
        detail: ``download``: the fields of the `ProgressEvent`. ``engine``: task, model and revision. ``run``: the
            metrics; of raw models ``model``. ``error``: ``message``, and ``while``: ``create``, ``run`` or ``update``.
            ``update``: ``current`` and ``available``, each with model, revision, data type and runtime; ``message``
            when it failed.
        flow_id: That of the engine's options.
        time: Milliseconds since the epoch.
    """

    type: EventType
    name: str
    engine_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    flow_id: str | None = None
    time: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


EventListener = Callable[[Event], object]
"""Called with each event, synchronously. What it raises is logged and goes no further."""


class Events:
    """Listeners by type."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listeners: dict[str, list[EventListener]] = {kind: [] for kind in get_args(EventType)}

    def on(self, kind: str, listener: EventListener) -> Callable[[], None]:
        """Call ``listener`` with each event of a type; the returned function ends that, also when called again.

        Raises:
            InputError: For a type that there is not.
        """
        listeners = self._listeners.get(kind)
        if listeners is None:
            raise InputError(f"There is no event {kind!r}; expected one of {', '.join(self._listeners)}.")
        entries = listeners
        # A function of its own, so that one listener can listen twice.
        entry: EventListener = lambda event: listener(event)  # noqa: E731, PLW0108
        entries.append(entry)

        def off() -> None:
            if entry in entries:
                entries.remove(entry)

        return off

    def wants(self, kind: EventType) -> bool:
        """Tell whether anybody listens."""
        return bool(self._listeners[kind])

    def tell(self, event: Event) -> None:
        """Call the listeners of the event's type."""
        for listener in list(self._listeners[event.type]):
            try:
                listener(event)
            except Exception:
                logger.exception("A listener failed on the event %s %s", event.type, event.name)


class EventEmitter(NamedTuple):
    """Tells of one engine or session.

    Attributes:
        events: Who listens.
        engine_id: Its name.
        flow_id: What its caller wants to find in each event.
    """

    events: Events
    engine_id: str
    flow_id: str | None = None

    def status(self, status: str, about: Mapping[str, Any]) -> None:
        """Tell a status."""
        self.events.tell(Event("engine", status, self.engine_id, about, self.flow_id))

    def ran(self, metrics: Callable[[], Mapping[str, Any]]) -> None:
        """Tell of a run that ended; its metrics are read if anybody listens."""
        if self.events.wants("run"):
            self.events.tell(Event("run", "done", self.engine_id, metrics(), self.flow_id))

    def failed(self, error: ModelDenError, doing: str) -> None:
        """Tell what a call ended with: ``create``, ``run`` or ``update``."""
        detail = {"message": str(error), "while": doing}
        self.events.tell(Event("error", type(error).__name__, self.engine_id, detail, self.flow_id))

    def update(self, name: str, detail: Mapping[str, Any]) -> None:
        """Tell of an update."""
        self.events.tell(Event("update", name, self.engine_id, detail, self.flow_id))


class DownloadEvents(NamedTuple):
    """Tells of files that come, whoever asked for them.

    Attributes:
        events: Who listens.
    """

    events: Events

    def heard(
        self, on_progress: ProgressCallback | None, engine_id: str | None = None, flow_id: str | None = None
    ) -> ProgressCallback:
        """Return what tells progress to the caller, and to those who listen.

        Args:
            on_progress: The caller's.
            engine_id: For whom a file comes.
            flow_id: Its caller's.
        """

        def tell(event: ProgressEvent) -> None:
            if self.events.wants("download"):
                self.events.tell(Event("download", event.status_text, engine_id or None, asdict(event), flow_id))
            if on_progress is not None:
                on_progress(event)

        return tell


NO_LISTENERS = DownloadEvents(Events())
"""To whom nobody listens."""
