"""The node tests of ONNX itself, out of the wheel of `onnx` in ``.cache/packages``, and their comparison."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from tests.hosting.model_pack import ModelCase, Value

RELATIVE, ABSOLUTE = 1e-3, 1e-7
"""Tolerances of ``onnx/backend/test/loader``."""

_FILE = re.compile(r"onnx/backend/test/data/node/(\w+)/(?:model\.onnx|test_data_set_(\d+)/(input|output)_(\d+)\.pb)")

_REGISTERED = 2
"""`numpy.dtype.isbuiltin` of the types that NumPy itself lacks."""

_NARROW = {"int4": "int8", "uint4": "uint8", "int2": "int8", "uint2": "uint8"}
"""The types in which modelden gives types that NumPy lacks; of other ones it is float32."""


@dataclass(frozen=True)
class NodeTest:
    """A model with one operator, inputs and outputs.

    Attributes:
        case: The model and its inputs.
        expected: The outputs of each of its runs.
    """

    case: ModelCase
    expected: Sequence[Sequence[Value]]

    def fault(self, runs: Any) -> str | None:
        """Return the first difference to what is expected; None without one.

        Args:
            runs: The outputs of each run, or the text of an error.
        """
        if isinstance(runs, str):
            return runs
        try:
            for outputs, expected in zip(runs, self.expected, strict=True):
                _compare(outputs, list(expected))
        except (AssertionError, ValueError) as error:
            return " ".join(str(error).split())
        return None


def node_tests(wheel: Path) -> Iterator[NodeTest]:
    """Read the tests of a wheel of `onnx`."""
    with zipfile.ZipFile(wheel) as archive:
        files: dict[str, dict[str, str]] = {}
        for path in archive.namelist():
            if match := _FILE.fullmatch(path):
                name, run, kind, number = match.groups()
                files.setdefault(name, {})["model" if run is None else f"{run}/{kind}/{number}"] = path
        for name, paths in sorted(files.items()):
            yield _node_test(name, {key: archive.read(path) for key, path in paths.items()})


def _node_test(name: str, files: dict[str, bytes]) -> NodeTest:
    graph = onnx.load_from_string(files["model"]).graph
    runs = sorted({int(key.split("/")[0]) for key in files if key != "model"})

    def values(run: int, kind: str, infos: Sequence[Any]) -> list[Value]:
        return [_value(info.type, files[f"{run}/{kind}/{number}"]) for number, info in enumerate(infos)]

    names = [info.name for info in graph.input]
    feeds = [dict(zip(names, values(run, "input", graph.input), strict=True)) for run in runs]
    return NodeTest(ModelCase(name, files["model"], feeds), [values(run, "output", graph.output) for run in runs])


def _value(kind: Any, data: bytes) -> Value:
    match kind.WhichOneof("value"):
        case "sequence_type":
            return [_wider(array) for array in numpy_helper.to_list(onnx.SequenceProto.FromString(data))]
        case "optional_type":
            value = numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
            return [_wider(item) for item in value] if isinstance(value, list) else value
    return _wider(numpy_helper.to_array(onnx.TensorProto.FromString(data)))


def _wider(array: Any) -> Any:
    if array.dtype.isbuiltin != _REGISTERED:
        return array
    return array.astype(_NARROW.get(array.dtype.name, "float32"))


def _compare(actual: Value, expected: Value) -> None:
    if isinstance(expected, list):
        assert isinstance(actual, list), f"{type(actual).__name__} where a list is expected"
        assert len(actual) == len(expected), f"{len(actual)} values where {len(expected)} are expected"
        for one, other in zip(actual, expected, strict=True):
            _compare(one, other)
    elif expected is None or actual is None:
        assert actual is expected, f"{actual} where {expected} is expected"
    elif expected.dtype.kind in "OUS":
        np.testing.assert_array_equal(actual, expected.astype(str).astype(object))
    else:
        assert actual.dtype == expected.dtype, f"{actual.dtype} where {expected.dtype} is expected"
        np.testing.assert_allclose(actual, expected, rtol=RELATIVE, atol=ABSOLUTE)
