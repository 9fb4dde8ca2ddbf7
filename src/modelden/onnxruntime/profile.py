"""The profile of a session: a trace in Chrome's format (Trace Event Format, complete events), in microseconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Profile:
    """The times of a session's steps.

    Attributes:
        start_ns: The beginning by `time.monotonic_ns`; 0 without profiling.
    """

    def __init__(self, prefix: str | None) -> None:
        """Begin.

        Args:
            prefix: Path of the trace without date and suffix; None for no profiling.
        """
        self._prefix = prefix
        self._events: list[dict[str, Any]] = []
        self.start_ns = 0 if prefix is None else time.monotonic_ns()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Record the time of a step.

        Args:
            name: The step.
        """
        begin = time.monotonic_ns()
        try:
            yield
        finally:
            if self._prefix is not None:
                span = {"dur": (time.monotonic_ns() - begin) // 1000, "ts": (begin - self.start_ns) // 1000}
                self._events.append({"cat": "Session", "pid": 0, "tid": 0, **span, "ph": "X", "name": name, "args": {}})

    def end(self) -> str:
        """Write the trace, and return its path; empty without profiling, or if it was written before."""
        if self._prefix is None:
            return ""
        path = f"{self._prefix}_{time.strftime('%Y-%m-%d_%H-%M-%S')}.json"
        self._prefix = None
        Path(path).write_text(json.dumps(self._events), "utf-8")
        return path
