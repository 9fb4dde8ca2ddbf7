"""The update status of an engine, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["up-to-date", "update-available", "offline", "unavailable"]
"""The state of an engine's model and runtime against what is available."""

UP_TO_DATE: State = "up-to-date"
UPDATE_AVAILABLE: State = "update-available"
OFFLINE: State = "offline"
UNAVAILABLE: State = "unavailable"


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """The update status of the engine of one task.

    Attributes:
        task_name: The task.
        feature_id: The feature, if the request named one.
        engine_id: The engine's name.
        status: ``up-to-date``, ``update-available``, ``offline`` when one of the servers cannot be reached, or
            ``unavailable`` when Remote Settings have nothing for it any more, or nothing that can be used: an engine
            that runs goes on, a new one could not be created.
        current: Model, revision, data type and runtime that this browser uses.
        available: The same of what is available now; equal where only the files of a branch changed, None when
            ``offline`` or ``unavailable``.
        reason: Why it is ``unavailable``; else None.
    """

    __module__ = "modelden"

    task_name: str
    feature_id: str | None
    engine_id: str
    status: State
    current: Mapping[str, Any]
    available: Mapping[str, Any] | None
    reason: str | None = None

    def _repr_html_(self) -> str:
        from modelden.display.html import facts

        current, available = (
            None if values is None else ", ".join(f"{name} {value}" for name, value in values.items())
            for values in (self.current, self.available)
        )
        is_other = self.status == UPDATE_AVAILABLE
        return facts(
            f"{self.engine_id}: {self.status}",
            (
                ("task", self.task_name),
                ("current", current),
                ("available", available if is_other else None),
                ("reason", self.reason),
            ),
        )
