from __future__ import annotations

import pytest

from modelden.core.events import DOWNLOADING, PLANNING, STARTING_ENGINE, SYNCING_SETTINGS, ProgressEvent, Reporter

URL = "http://localhost:1234/hub/org/model/v1/onnx/model.onnx?download=true"


def lines(kind: str, name: str, *pieces: int, total: int | None = None, **metadata: object) -> list[str]:
    """The lines of one operation."""
    events: list[ProgressEvent] = []
    with Reporter(events.append, kind, name, metadata) as reporter:
        for piece in pieces:
            reporter.advance(piece, total)
    return list(map(str, events))


def test_a_download_is_a_name_and_its_bytes() -> None:
    assert lines(DOWNLOADING, URL, 2_100_000, 20_900_000, total=23_000_000, file="onnx/model.onnx") == [
        "downloading onnx/model.onnx: started",
        "downloading onnx/model.onnx: 2.1 of 23.0 MB (9 %)",
        "downloading onnx/model.onnx: 23.0 of 23.0 MB (100 %)",
        "downloading onnx/model.onnx: done",
    ]


def test_a_size_that_is_unknown_is_left_out() -> None:
    assert lines(DOWNLOADING, URL, 1500)[1] == "downloading model.onnx: 1.5 kB"


def test_different_units_are_both_named() -> None:
    assert lines(DOWNLOADING, URL, 1500, total=23_000_000)[1] == "downloading model.onnx: 1.5 kB of 23.0 MB (0 %)"


@pytest.mark.parametrize("kind", [SYNCING_SETTINGS, STARTING_ENGINE])
def test_a_step_without_bytes_starts_and_ends(kind: str) -> None:
    subject = f"{kind.replace('_', ' ')} ml-onnx-runtime"

    assert lines(kind, "ml-onnx-runtime") == [f"{subject}: started", f"{subject}: done"]


def test_a_failure_says_so() -> None:
    assert str(ProgressEvent(DOWNLOADING, "done", URL, ok=False)) == "downloading model.onnx: failed"


def test_a_line_is_one_short_line_whatever_the_event_has() -> None:
    sizes = {f"{URL}{number}": 10**9 for number in range(1000)}
    events = [
        ProgressEvent(PLANNING, "done", "org/model", metadata={"sizes": sizes}),
        ProgressEvent(DOWNLOADING, "in_progress", "x" * 1000 + "\n" + "y" * 1000, total_loaded=5),
    ]

    for event in events:
        assert len(str(event)) < 120
        assert "\n" not in str(event)
