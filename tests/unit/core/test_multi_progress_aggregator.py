from __future__ import annotations

from contextlib import nullcontext
from itertools import zip_longest
from typing import Any

import pytest

from modelden.core.events import (
    DONE,
    DOWNLOADING,
    INITIATE,
    LOADING_FROM_CACHE,
    PLANNING,
    STARTING_ENGINE,
    ProgressEvent,
    Reporter,
)
from modelden.core.multi_progress_aggregator import MultiProgressAggregator
from tests.replay import load_truth

STEPS = [step for step in load_truth("table_multi_progress")["steps"] if step["op"] == "aggregator"]

NAMES = {
    "statusText": "status_text",
    "totalLoaded": "total_loaded",
    "currentLoaded": "current_loaded",
    "totalObjectsSeen": "total_objects_seen",
}

DIFFERENCES = {"failure after some bytes": {2: {"progress": 10, "total_loaded": 10}}}
"""Figures of events that are others here: a file that failed counts as far as it came."""


def event_of(recorded: dict[str, Any]) -> ProgressEvent:
    fields = {NAMES.get(name, name): value for name, value in recorded.items()}
    return ProgressEvent(**{"metadata": {}, **fields})


def expected(recorded: dict[str, Any], different: dict[str, Any]) -> dict[str, Any]:
    """Firefox's event; without a known total it says 1."""
    fields = {NAMES.get(name, name): value for name, value in recorded.items() if name != "metadata"}
    if fields["total"] == 1:
        fields |= {"total": None, "progress": None}
    return fields | different


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.get("note", "another type"))
def test_the_recorded_sums_of_firefox(step: dict[str, Any]) -> None:
    reports: list[ProgressEvent] = []
    watched = step["args"].get("options", {}).get("watchedTypes", ["downloading"])
    total = MultiProgressAggregator(reports.append, watched)

    for event in step["args"]["events"]:
        total(event_of(event))

    assert len(reports) == len(step["outcome"]["returned"]["out"])
    for number, (ours, theirs) in enumerate(zip(reports, step["outcome"]["returned"]["out"], strict=True)):
        wanted = expected(theirs, DIFFERENCES.get(step.get("note", ""), {}).get(number, {}))
        assert {name: getattr(ours, name) for name in wanted} == wanted
        inner = theirs["metadata"]
        assert ours.metadata["total_objects_seen"] == inner["totalObjectsSeen"]
        assert (ours.metadata["id"], ours.metadata["status_text"]) == (inner["id"], inner["statusText"])


def test_every_intended_difference_is_one() -> None:
    assert set(DIFFERENCES) <= {step.get("note") for step in STEPS}


def bar(*events: ProgressEvent) -> list[float]:
    """The fractions that a bar is told."""
    reports: list[ProgressEvent] = []
    total = MultiProgressAggregator(reports.append)
    for event in events:
        total(event)
    fractions = [event.metadata["fraction"] for event in reports]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    return fractions


def download(name: str, size: int, *pieces: int, ok: bool = True) -> list[ProgressEvent]:
    events: list[ProgressEvent] = []
    with pytest.raises(KeyError) if not ok else nullcontext(), Reporter(events.append, DOWNLOADING, name) as reporter:
        for piece in pieces:
            reporter.advance(piece, size)
        if not ok:
            raise KeyError
    return events


def engine(*inside: ProgressEvent, ok: bool = True) -> list[ProgressEvent]:
    start, end = (ProgressEvent(STARTING_ENGINE, status, "engine", ok=ok) for status in (INITIATE, DONE))
    return [start, *inside, end]


def planned(**sizes: int) -> list[ProgressEvent]:
    events: list[ProgressEvent] = []
    with Reporter(events.append, PLANNING, "model", {"sizes": sizes}) as reporter:
        reporter.plan(sum(sizes.values()))
    return events


def woven(*files: list[ProgressEvent]) -> list[ProgressEvent]:
    return [event for each in zip_longest(*files) for event in each if event]


def test_a_bar_never_falls_and_ends_with_the_engine() -> None:
    small, large = download("a", 10, 10), download("b", 90, 40, 50)
    for order in ([*small, *large], [*large, *small], woven(small, large)):
        assert bar(*engine(*order)).count(1) == 1
        assert bar(*engine(*order))[-1] == 1


def test_a_bar_knows_from_the_first_event_on_what_is_planned() -> None:
    reports: list[ProgressEvent] = []
    total = MultiProgressAggregator(reports.append)
    for event in (*planned(a=10, b=90), *engine(*download("a", 10, 10), *download("b", 90, 45, 45))):
        total(event)
    assert {event.total for event in reports} == {100}
    assert reports[0].metadata["fraction"] == 0
    ends = [event.metadata["fraction"] for event in reports if event.metadata["status_text"] == DONE]
    assert ends == [0, 0.1, 0.99, 1]
    assert (reports[0].status_text, reports[-1].status_text) == ("size_estimate", DONE)


def test_compressed_restarted_failed_and_cached_files_leave_a_bar_within_its_ends() -> None:
    compressed = download("a", 30, 20, 20, 20)
    restarted = [*download("b", 100, 60, ok=False), *download("b", 100, 50, 50)]
    cached = [ProgressEvent(LOADING_FROM_CACHE, status, "c") for status in (INITIATE, DONE)]
    assert bar(*engine(*woven(compressed, restarted, cached))).count(1) == 1
    assert bar(*engine(*cached)) == [1]
    assert 1 not in bar(*engine(*compressed, ok=False))


def test_a_bar_without_an_engine_ends_when_nothing_is_under_way() -> None:
    assert bar(*woven(download("a", 10, 10), download("b", 90, 40, 50))).count(1) == 1
