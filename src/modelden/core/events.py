"""Events: the progress of an operation, and those of `modelden.on`. They stay in this page; nothing is sent anywhere.

Model files report as in Firefox (``Utils.sys.mjs``, ``ProgressAndStatusCallbackParams``): `INITIATE`, then chunks (the
first is `SIZE_ESTIMATE` and already has bytes, the others are `IN_PROGRESS`), then `DONE`. The steps before and after
them, for which Firefox has no events, report in the same form.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, Self, get_args

from modelden.core.arguments import show
from modelden.errors import InputError, ModelDenError

logger = logging.getLogger(__name__)

# Firefox's ProgressType.
DOWNLOADING = "downloading"
LOADING_FROM_CACHE = "loading_from_cache"
# Ours.
SYNCING_SETTINGS = "syncing_settings"
CHOOSING_OPTIONS = "choosing_options"
LOADING_RUNTIME = "loading_runtime"
STARTING_ENGINE = "starting_engine"
IMPORTING = "importing"
PLANNING = "planning"

# Firefox's ProgressStatusText.
INITIATE = "initiate"
SIZE_ESTIMATE = "size_estimate"
IN_PROGRESS = "in_progress"
DONE = "done"


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One step of an operation.

    Attributes:
        type: The operation: `DOWNLOADING`, `LOADING_FROM_CACHE`, `SYNCING_SETTINGS`, `CHOOSING_OPTIONS`,
            `LOADING_RUNTIME`, `STARTING_ENGINE` or `IMPORTING`. Where the files are known in advance (a manifest, a
            snapshot, an import), one `PLANNING` has the ``total``, and the ``sizes`` by event id in the metadata.
        status_text: `INITIATE`, `SIZE_ESTIMATE`, `IN_PROGRESS` or `DONE`.
        id: URL of a model file, location of the runtime, or name of a collection or an engine.
        progress: Per cent of ``total``, 0 to 100, if known.
        total_loaded: Bytes loaded so far.
        current_loaded: Bytes of this step.
        total: Bytes in total, if known.
        units: ``bytes``, if the operation has bytes.
        ok: False if it failed.
        metadata: For model files ``model``, ``revision``, ``file``, ``url``, ``taskName``; for options the chosen ones.
    """

    __module__ = "modelden"

    type: str
    status_text: str
    id: str
    progress: float | None = None
    total_loaded: int | None = None
    current_loaded: int | None = None
    total: int | None = None
    units: str | None = None
    ok: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return one short line, for ``on_progress=print``."""
        from modelden.core.progress_text import describe_step

        name = str(self.metadata.get("file") or self.id)
        loaded, total = self.total_loaded, self.total
        return describe_step(self.type, name, self.status_text, self.progress, ok=self.ok, loaded=loaded, total=total)


ProgressCallback = Callable[[ProgressEvent], object]
"""Callback for events, called in their order, synchronously. An exception that it raises is logged and dropped."""


def report_plan(callback: ProgressCallback | None, name: str, sizes: Mapping[str, int | None]) -> None:
    """Report the sizes of files that will be loaded, by the ids of their events."""
    with Reporter(callback, PLANNING, name, {"sizes": dict(sizes)}) as reporter:
        reporter.plan(sum(size or 0 for size in sizes.values()))


class Reporter:
    """Reports one operation to a callback. As a context it ends with `DONE`, with ``ok`` False on an error."""

    def __init__(
        self,
        callback: ProgressCallback | None,
        event_type: str,
        event_id: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Create a reporter.

        Args:
            callback: Receiver of the events, or None.
            event_type: `ProgressEvent.type` of the events.
            event_id: `ProgressEvent.id` of the events.
            metadata: `ProgressEvent.metadata` of the events.
        """
        self._callback = callback
        self._type = event_type
        self._id = event_id
        self._metadata = metadata or {}
        self._loaded = 0

    def __enter__(self) -> Self:
        """Report `INITIATE`."""
        self._report(INITIATE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Report `DONE`."""
        self._report(DONE, ok=kind is None)

    def restart(self) -> None:
        """Count from the first byte again, for another attempt."""
        self._loaded = 0

    def catch_up(self, loaded: int, total: int | None) -> None:
        """Report the bytes up to the ``loaded``-th that were not reported yet."""
        if loaded > self._loaded:
            self.advance(loaded - self._loaded, total)

    def plan(self, total: int) -> None:
        """Report the number of bytes that will be loaded."""
        self._report(SIZE_ESTIMATE, progress=0.0, total_loaded=0, current_loaded=0, total=total, units="bytes")

    def advance(self, size: int, total: int | None) -> None:
        """Report ``size`` more bytes, of ``total`` if that is known."""
        first = self._loaded == 0
        self._loaded += size
        if total is not None:
            # As in Firefox (``readResponseToWriter``): the length on the wire may be that of a compressed file.
            total = max(total, self._loaded)
        self._report(
            SIZE_ESTIMATE if first else IN_PROGRESS,
            progress=100 * self._loaded / total if total else None,
            total_loaded=self._loaded,
            current_loaded=size,
            total=total,
            units="bytes",
        )

    def _report(self, status_text: str, **fields: Any) -> None:
        if self._callback is None:
            return
        event = ProgressEvent(self._type, status_text, self._id, metadata=self._metadata, **fields)
        try:
            self._callback(event)
        except Exception:
            logger.exception("The progress callback failed on %s %s", event.type, event.status_text)


EventType = Literal["download", "engine", "run", "error", "update"]
"""Types of events that a listener can subscribe to."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        type: ``download``: a step of a file, runtime or model; ``engine``: a status; ``run``: a run that ended;
            ``error``: an error that a call or a renewal of settings ended with; ``update``: of a model or runtime.
        name: ``download``: `ProgressEvent.status_text`. ``engine``: the status. ``run``: ``done``. ``error``: the
            error's class. ``update``: ``available``, ``installed`` or ``failed``; of settings ``rollback``.
        engine_id: The engine that the event belongs to, if any; ``onnx-session`` for raw models.
        detail: ``download``: the fields of the `ProgressEvent`. ``engine``: task, model and revision. ``run``: the
            metrics; of raw models ``model``. ``error``: ``message``, and ``while``: ``create``, ``run`` or ``update``.
            ``update``: ``current`` and ``available``, each with model, revision, data type and runtime; ``message``
            when it failed. ``rollback``: ``collection``, its timestamps as ``current`` and ``available``, ``message``.
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
            raise InputError(f"There is no event {show(kind)}; expected one of {', '.join(self._listeners)}.")
        # A function of its own, so that one listener can subscribe twice.
        subscription: EventListener = lambda event: listener(event)  # noqa: E731, PLW0108  each subscription is an object of its own
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
