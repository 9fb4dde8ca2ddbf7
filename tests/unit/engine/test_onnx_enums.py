from __future__ import annotations

from typing import Any

import onnxruntime
import pytest

from modelden.engine.onnx_enums import ENUMS


@pytest.mark.parametrize("ours", ENUMS, ids=lambda each: each.__name__)
def test_an_enumeration_has_the_names_and_the_values_of_onnxruntimes(ours: Any) -> None:
    theirs = getattr(onnxruntime, ours.__name__)

    assert {name: int(value) for name, value in ours.__members__.items()} == {
        name: int(value) for name, value in theirs.__members__.items()
    }


def test_a_member_is_an_integer_with_onnxruntimes_text() -> None:
    (level,) = (each for each in ENUMS if each.__name__ == "GraphOptimizationLevel")

    assert level(99) == 99
    assert str(level(99)) == str(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
    assert repr(level(99)) == repr(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
