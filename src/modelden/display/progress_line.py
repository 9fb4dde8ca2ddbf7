"""The one line of a progress bar: bar, per cent, file, bytes, rate and time left. Pure.

The state comes from `MultiProgressAggregator`; the time is that of the caller.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from modelden.core.events import ProgressEvent
from modelden.core.progress_text import byte_count, short_name
from modelden.core.units import format_size

BAR_WIDTH = 20
"""Characters of the bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_WINDOW = 5.0  # seconds over which the rate is a mean
_STEPS = {
    "planning": "planning",
    "syncing_settings": "reading settings",
    "choosing_options": "choosing the model",
    "loading_runtime": "loading the runtime",
    "starting_engine": "starting the engine",
}
"""Words for steps that have no file."""


@dataclass(slots=True)
class ProgressState:
    """The progress of one operation.

    Attributes:
        fraction: From 0 to 1.
        is_estimate: The total is unknown.
        name: The file or step under way.
        loaded: Bytes so far.
        total: Bytes in total, if known.
        is_done: The operation ended.
        is_failed: The operation ended with an error.
    """

    fraction: float = 0.0
    is_estimate: bool = True
    name: str = "starting"
    loaded: int = 0
    total: int | None = None
    is_done: bool = False
    is_failed: bool = False
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def update(self, event: ProgressEvent, now: float) -> None:
        """Take the figures of an event.

        Args:
            event: An event of `modelden.MultiProgressAggregator`.
            now: Seconds of a monotonic clock.
        """
        if not event.metadata["ok"]:  # its file counts as ended
            return
        self.fraction = max(self.fraction, event.metadata["fraction"])
        self.is_estimate = event.metadata["is_estimate"]
        self.loaded, self.total = event.total_loaded or 0, event.total
        self.name = _STEPS.get(event.type) or short_name(str(event.metadata["metadata"].get("file") or event.id))
        self._samples.append((now, self.loaded))
        while now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    @property
    def rate(self) -> float | None:
        """Bytes in a second; None before there is a measurement."""
        if len(self._samples) < 2 or self._samples[-1][0] - self._samples[0][0] < 0.2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        return max(last - first, 0) / (end - start)

    @property
    def remaining(self) -> float | None:
        """Seconds that are left at the present rate; None if nobody knows."""
        if not self.rate or self.total is None or self.is_estimate:
            return None
        return max(self.total - self.loaded, 0) / self.rate

    def __str__(self) -> str:
        """Return the line."""
        if self.is_failed:
            return f"{bar(self.fraction)} {self.fraction:4.0%}  stopped at {self.name}"
        if self.is_done:
            return f"{bar(1)} 100%  done" + (f"  {format_size(self.loaded)}" if self.loaded else "")
        percent = "    " if self.is_estimate else f"{self.fraction:4.0%}"
        parts = [f"{bar(self.fraction)} {percent}", self.name]
        if self.loaded:
            parts.append(byte_count(self.loaded, None if self.is_estimate else self.total))
        if self.rate:
            parts.append(f"{format_size(self.rate)}/s")
        if self.remaining is not None:
            parts.append(f"{duration(self.remaining)} left")
        return "  ".join(parts)


def bar(fraction: float) -> str:
    """Return a bar of `BAR_WIDTH` characters between two lines."""
    eighths = int(fraction * BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return f"│{('█' * full + (_EIGHTHS[rest] if rest else '')).ljust(BAR_WIDTH)}│"


def duration(seconds: float) -> str:
    """Write a time span: ``8 s``, ``2 min 05 s``, ``1 h 10 min``."""
    minutes, whole = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{whole} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {whole:02d} s"
