from __future__ import annotations

from typing import Any

import pytest

from modelden.progress import ProgressEvent
from modelden.progress_total import MultiProgressAggregator
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
    """What Firefox told; where it knows no total it says 1."""
    told = {NAMES.get(name, name): value for name, value in recorded.items() if name != "metadata"}
    if told["total"] == 1:
        told |= {"total": None, "progress": None}
    return told | different


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.get("note", "another type"))
def test_the_recorded_sums_of_firefox(step: dict[str, Any]) -> None:
    told: list[ProgressEvent] = []
    watched = step["args"].get("options", {}).get("watchedTypes", ["downloading"])
    total = MultiProgressAggregator(told.append, watched)

    for event in step["args"]["events"]:
        total(event_of(event))

    assert len(told) == len(step["outcome"]["returned"]["out"])
    for number, (ours, theirs) in enumerate(zip(told, step["outcome"]["returned"]["out"], strict=True)):
        wanted = expected(theirs, DIFFERENCES.get(step.get("note", ""), {}).get(number, {}))
        assert {name: getattr(ours, name) for name in wanted} == wanted
        inner = theirs["metadata"]
        assert ours.metadata["total_objects_seen"] == inner["totalObjectsSeen"]
        assert (ours.metadata["id"], ours.metadata["status_text"]) == (inner["id"], inner["statusText"])


def test_every_intended_difference_is_one() -> None:
    assert set(DIFFERENCES) <= {step.get("note") for step in STEPS}
