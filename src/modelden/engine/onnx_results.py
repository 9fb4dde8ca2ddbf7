"""Results of a raw model: tensors, and what ``web/worker/sequences.ts`` makes of other outputs. Pure.

A sequence of tensors comes as a list. A sequence of maps, with which classifiers of scikit-learn end (``ZipMap``),
comes as the labels and the scores, a row for each map. An optional tensor that is not there comes as None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelden.engine.numpy_array import to_array
from modelden.engine.tensor import Tensor


def to_result(value: Any) -> Any:
    """Return an output as onnxruntime's Python API does: an array, a list of arrays, a list of dicts, or None.

    Args:
        value: The output as the worker sends it.
    """
    if isinstance(value, Tensor):
        return to_array(value)
    if value is None:
        return None
    if isinstance(value, Mapping):
        return _maps(value["labels"], value["scores"])
    return [to_array(tensor) for tensor in value]


def _maps(labels: list[Any], scores: Tensor) -> list[dict[Any, float]]:
    rows = scores.tolist() if len(scores.shape) > 1 else [scores.tolist()]
    return [dict(zip(labels, row, strict=True)) for row in rows]
