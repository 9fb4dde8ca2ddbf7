"""Whether what a task uses is current, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["up-to-date", "update-available", "offline"]
"""What can be said."""

UP_TO_DATE: State = "up-to-date"
UPDATE_AVAILABLE: State = "update-available"
OFFLINE: State = "offline"


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Whether what one task uses is current.

    Attributes:
        task_name: The task.
        feature_id: The feature, if it was asked for by one.
        engine_id: The engine's name.
        status: ``up-to-date``, ``update-available``, or ``offline`` when one of the servers cannot be reached.
        current: Model, revision, data type and runtime that this browser uses.
        available: The same of what there is now; equal where only the files of a branch changed, None when offline.
    """

    task_name: str
    feature_id: str | None
    engine_id: str
    status: State
    current: Mapping[str, Any]
    available: Mapping[str, Any] | None
