"""Checks of the one figure of a progress bar, for any stream of events."""

from __future__ import annotations

from modelden.core.events import (
    DOWNLOADING,
    LOADING_FROM_CACHE,
    LOADING_RUNTIME,
    PLANNING,
    STARTING_ENGINE,
    ProgressEvent,
)
from modelden.core.multi_progress_aggregator import MultiProgressAggregator
from modelden.core.overall_progress import ESTIMATE_SHARE, UNFINISHED_SHARE, OverallProgress

WATCHED: list[dict[str, tuple[str, ...]]] = [
    {},
    {"watched_types": ()},
    {"watched_types": (DOWNLOADING,)},
    {"watched_types": (DOWNLOADING, LOADING_RUNTIME, LOADING_FROM_CACHE)},
]

Stream = list[ProgressEvent]


def figures(stream: Stream) -> list[float]:
    """The figure after each event. While it is an estimate, it rises within the first tenth only."""
    overall, fractions = OverallProgress(), [0.0]
    for event in stream:
        overall.update(event)
        assert not overall.is_estimate or overall.fraction <= max(ESTIMATE_SHARE, fractions[-1])
        fractions.append(overall.fraction)
    return fractions[1:]


def check_figures(stream: Stream, *, completes: bool) -> None:
    """Check what holds of all streams, for each choice of watched types."""
    fractions = figures(stream)
    assert fractions == sorted(fractions)
    assert all(fraction <= UNFINISHED_SHARE for fraction in fractions[:-1])
    assert (fractions[-1] == 1) is completes
    for watched in WATCHED:
        passed: Stream = []
        aggregator = MultiProgressAggregator(passed.append, **watched)
        for event in stream:
            aggregator(event)
        bars = [event.metadata["fraction"] for event in passed]
        assert bars == sorted(bars)
        has_milestones = any(event.type in (PLANNING, STARTING_ENGINE) for event in stream)
        sees_end = completes and (has_milestones or (not watched and stream[-1].type != LOADING_FROM_CACHE))
        assert bars.count(1) <= int(completes)
        assert not sees_end or bars[-1] == 1
