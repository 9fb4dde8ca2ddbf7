"""The one place that makes events of what happens to engines, sessions and files: `modelden.on`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from modelden.errors import ModelDenError
from modelden.events import Event, Events
from modelden.progress import ProgressCallback, ProgressEvent


class Teller(NamedTuple):
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


class Downloads(NamedTuple):
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


UNHEARD = Downloads(Events())
"""To whom nobody listens."""
