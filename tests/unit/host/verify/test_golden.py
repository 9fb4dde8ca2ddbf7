from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelden.host.errors import HostError
from modelden.host.verify.golden import Golden, differences, golden_text


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ([1.0, 2], [1.0005, 2.0]),
        ({"a": [{"label": "x", "score": 0.5}]}, {"a": [{"label": "x", "score": 0.5009}]}),
        (None, None),
        (True, True),
    ],
)
def test_equal_within_the_tolerance(expected: Any, actual: Any) -> None:
    assert list(differences(expected, actual, 1e-3)) == []


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        ([1.0], [1.01], "output[0]: expected 1.0, found 1.01"),
        ([1], [1, 2], "output: expected 1 items, found 2"),
        ({"a": 1}, {"b": 1}, "output.a is only in what was expected"),
        ({"a": 1}, {"a": 1, "b": 1}, "output.b is only in what came"),
        (["x"], ["y"], "output[0]: expected 'x', found 'y'"),
        (1, True, "output: expected 1, found True"),
        (1.0, float("nan"), "output: expected 1.0, found nan"),
        ([1], {"0": 1}, "output: expected [1], found {'0': 1}"),
        (None, 0, "output: expected None, found 0"),
    ],
)
def test_differences_are_told_with_their_place(expected: Any, actual: Any, message: str) -> None:
    assert message in list(differences(expected, actual, 1e-3))


def test_what_a_run_writes_can_be_read(tmp_path: Path) -> None:
    job = {"inputs": [["a"], ["b"]], "options": {"pooling": "mean"}}
    (tmp_path / "golden.json").write_text(golden_text("feature-extraction", "q8", job, [[1.0], [2.0]]))

    golden = Golden.read(tmp_path / "golden.json")

    assert (golden.task, golden.dtype) == ("feature-extraction", "q8")
    assert golden.cases[1] == {"input": ["b"], "options": {"pooling": "mean"}, "output": [2.0]}


@pytest.mark.parametrize("text", ["", "[]", '{"task": "x"}', '{"task": "x", "cases": [{}]}', '{"cases": []}'])
def test_other_files_are_an_error_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "golden.json").write_text(text)

    with pytest.raises(HostError, match="does not hold golden inputs"):
        Golden.read(tmp_path / "golden.json")
