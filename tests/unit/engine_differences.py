"""Differences of engines from Firefox's recorded ones, on purpose; `line` is in ``docs/firefox-parity.md``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.unit.parity_lines import parity_line


@dataclass(frozen=True)
class Ours:
    """The fields of a step that differ here.

    Attributes:
        why: The reason.
        settings: The requests for settings.
        files: The requests for model files.
        outcome: The error's class, or what is returned.
        rows: The revisions of the stored files.
    """

    why: str
    settings: list[str] | None = None
    files: list[str] | None = None
    outcome: Any = None
    rows: str | None = None


_MOVED = "an engine with the same options moves to what settings say"
_EMPTY = "an empty text in a record counts as none: editors of Remote Settings cannot enter null"

_TINY = ("config.json", "onnx/model_quantized.onnx", "tokenizer.json", "tokenizer_config.json")


def _options(engine_id: str, feature_id: str, revision: str, threads: int) -> dict[str, Any]:
    model = {"modelId": "org/tiny", "modelRevision": revision, "dtype": "q8", "numThreads": threads}
    names = {"engineId": engine_id, "featureId": feature_id, "taskName": "feature-extraction"}
    return {**names, **model, "backend": "onnx", "device": None}


DIFFERENCES: dict[tuple[str, int], Ours] = {
    ("records", 3): Ours(
        "the options name the branch, and 0 for all processors",
        outcome=[_options("smart-tab-embedding-engine", "smart-tab-embedding", "main", 0)],
    ),
    ("records", 18): Ours(_EMPTY, outcome={"engineId": "ml-suggest-ner"}),
    ("records", 19): Ours(_EMPTY, outcome=[_options("ml-suggest-ner", "suggest-NER", "v2.0", 1)]),
    ("two_features_one_model", 7): Ours(
        _MOVED,
        files=[f"{method} /org/tiny/main/{file}?download=true" for method in ("GET", "HEAD") for file in _TINY],
        rows="main v2.0",
    ),
}


def line(name: str, steps: int) -> str:
    """A recording's line in the documentation."""
    return parity_line(name, steps, {step: ours.why for (each, step), ours in DIFFERENCES.items() if each == name})
