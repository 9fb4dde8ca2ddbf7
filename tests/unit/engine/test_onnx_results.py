from __future__ import annotations

import numpy as np

from modelden.engine.onnx_feed import to_tensor
from modelden.engine.onnx_results import to_result


def test_labels_and_scores_become_maps_and_a_sequence_a_list() -> None:
    scores = to_tensor(np.array([[1, 2], [3, 4]], np.float32), "scores")
    row = to_tensor(np.array([1, 2], np.float32), "scores")

    assert to_result({"labels": ["a", "b"], "scores": scores}) == [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]
    assert to_result({"labels": [-1, 6], "scores": row}) == [{-1: 1.0, 6: 2.0}]
    assert [each.tolist() for each in to_result([row, row])] == [[1.0, 2.0]] * 2
    assert to_result(row).tolist() == [1.0, 2.0]
