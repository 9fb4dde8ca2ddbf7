"""Golden inputs: a file beside a model with inputs and expected outputs.

``golden.json`` in the model's repository::

    {"task": "feature-extraction", "dtype": "q8", "tolerance": 0.001,
     "cases": [{"input": [["a cat"]], "options": {"pooling": "mean", "normalize": true}, "output": ...}]}

``input`` has the positional arguments of a run. Numbers in outputs are compared with the
tolerance, other values exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelden.host.errors import HostError

FILE_NAME = "golden.json"

TOLERANCE = 1e-3
"""Maximum difference of two numbers, if the file has none."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The content of a golden file.

    Attributes:
        task: The task.
        dtype: The data type of the weights; None takes that of the settings.
        tolerance: Maximum difference of two numbers.
        cases: ``input``, ``options`` and ``output`` of each case.
    """

    task: str
    dtype: str | None
    tolerance: float
    cases: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Golden:
        """Read a golden file.

        Raises:
            HostError: The file is damaged.
        """
        try:
            content = json.loads(path.read_bytes())
            cases = [
                {"input": list(case["input"]), "options": dict(case.get("options", {})), "output": case["output"]}
                for case in content["cases"]
            ]
            return cls(str(content["task"]), content.get("dtype"), float(content.get("tolerance", TOLERANCE)), cases)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HostError(f"{path} does not hold golden inputs ({error!r}): expected task and cases.") from error


def golden_text(task: str, dtype: str | None, job: Mapping[str, Any], outputs: list[Any]) -> str:
    """Build a golden file of a run: its inputs, and its outputs as the expected ones.

    Args:
        task: The task.
        dtype: The data type, if it was given.
        job: ``inputs`` and ``options``.
        outputs: The outputs of the run.
    """
    cases = [
        {"input": arguments, "options": job["options"], "output": output}
        for arguments, output in zip(job["inputs"], outputs, strict=True)
    ]
    content: dict[str, Any] = {"task": task, "tolerance": TOLERANCE, "cases": cases}
    if dtype:
        content["dtype"] = dtype
    return json.dumps(content, indent=1) + "\n"


def differences(expected: Any, actual: Any, tolerance: float, path: str = "output") -> Iterator[str]:
    """Yield each difference of two outputs as a sentence."""
    match expected, actual:
        case dict(), dict():
            for key in sorted(expected.keys() ^ actual.keys()):
                yield f"{path}.{key} is only in what {'came' if key in actual else 'was expected'}"
            for key in sorted(expected.keys() & actual.keys()):
                yield from differences(expected[key], actual[key], tolerance, f"{path}.{key}")
        case list(), list():
            if len(expected) != len(actual):
                yield f"{path}: expected {len(expected)} items, found {len(actual)}"
            for index, (left, right) in enumerate(zip(expected, actual, strict=False)):
                yield from differences(left, right, tolerance, f"{path}[{index}]")
        case _:
            if not _are_equal(expected, actual, tolerance):
                yield f"{path}: expected {expected!r}, found {actual!r}"


def _are_equal(expected: Any, actual: Any, tolerance: float) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (expected, actual))
    if numbers:
        return math.isclose(expected, actual, rel_tol=0, abs_tol=tolerance)
    return type(expected) is type(actual) and bool(expected == actual)
