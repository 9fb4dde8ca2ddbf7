"""Golden inputs: what a model has to answer, in a file beside it.

``golden.json`` in the model's repository::

    {"task": "feature-extraction", "dtype": "q8", "tolerance": 0.001,
     "cases": [{"input": [["a cat"]], "options": {"pooling": "mean", "normalize": true}, "output": ...}]}

``input`` has the positional arguments of a run. Outputs are compared number by number, everything else exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelden.host.errors import HostError

NAME = "golden.json"

TOLERANCE = 1e-3
"""Largest difference of two numbers, where the file says nothing else."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The content of a file.

    Attributes:
        task: The task.
        dtype: The data type of the weights, or None for what the settings say.
        tolerance: Largest difference of two numbers.
        cases: ``input``, ``options`` and ``output`` of each case.
    """

    task: str
    dtype: str | None
    tolerance: float
    cases: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Golden:
        """Read a file.

        Raises:
            HostError: It cannot be understood.
        """
        try:
            content = json.loads(path.read_bytes())
            cases = [
                {"input": list(each["input"]), "options": dict(each.get("options", {})), "output": each["output"]}
                for each in content["cases"]
            ]
            return cls(str(content["task"]), content.get("dtype"), float(content.get("tolerance", TOLERANCE)), cases)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HostError(f"{path} does not hold golden inputs ({error!r}): expected task and cases.") from error


def golden_text(task: str, dtype: str | None, job: Mapping[str, Any], outputs: list[Any]) -> str:
    """The file that a run makes: its inputs, with its outputs as what is right.

    Args:
        task: The task.
        dtype: The data type, if one was named.
        job: ``inputs`` and ``options``.
        outputs: What came.
    """
    cases = [
        {"input": arguments, "options": job["options"], "output": output}
        for arguments, output in zip(job["inputs"], outputs, strict=True)
    ]
    content: dict[str, Any] = {"task": task, "tolerance": TOLERANCE, "cases": cases}
    if dtype:
        content["dtype"] = dtype
    return json.dumps(content, indent=1) + "\n"


def differences(expected: Any, found: Any, tolerance: float, where: str = "output") -> Iterator[str]:
    """Where two outputs differ, a sentence each."""
    match expected, found:
        case dict(), dict():
            for key in sorted(expected.keys() ^ found.keys()):
                yield f"{where}.{key} is only in what {'came' if key in found else 'was expected'}"
            for key in sorted(expected.keys() & found.keys()):
                yield from differences(expected[key], found[key], tolerance, f"{where}.{key}")
        case list(), list():
            if len(expected) != len(found):
                yield f"{where}: expected {len(expected)} items, found {len(found)}"
            for index, (one, other) in enumerate(zip(expected, found, strict=False)):
                yield from differences(one, other, tolerance, f"{where}[{index}]")
        case _:
            if not _are_equal(expected, found, tolerance):
                yield f"{where}: expected {expected!r}, found {found!r}"


def _are_equal(expected: Any, found: Any, tolerance: float) -> bool:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (expected, found))
    if numbers:
        return math.isclose(expected, found, rel_tol=0, abs_tol=tolerance)
    return type(expected) is type(found) and bool(expected == found)
