"""Small ONNX graphs, written down node by node: no torch, and the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper, numpy_helper

FLOAT, INT64, BOOL = int(TensorProto.FLOAT), int(TensorProto.INT64), int(TensorProto.BOOL)

type Dims = Sequence[str | int]


class Graph:
    """A graph under construction. Values are named by strings; weights come from one seeded generator."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._random = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, dims: Dims, kind: int = FLOAT) -> str:
        """Declare an input."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, dims))
        return name

    def output(self, value: str, name: str, dims: Dims, kind: int = FLOAT) -> None:
        """Make a value an output of this name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, kind, dims))

    def weights(self, *shape: int, scale: float = 1.0) -> str:
        """Random numbers, rounded so that they read the same on every machine."""
        numbers = np.round(self._random.normal(size=shape) * scale, 3)
        return self.constant(numbers.astype(np.float32))

    def ints(self, *values: int) -> str:
        """A list of int64."""
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        """One float."""
        return self.constant(np.array(value, dtype=np.float32))

    def constant(self, array: NDArray[Any]) -> str:
        """An array."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Apply an operator and return its (first) result."""
        name = f"v{len(self._nodes)}"
        names = [name, *(f"{name}_{index}" for index in range(1, outputs))]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return name

    def model(self) -> bytes:
        """Return the checked model."""
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="modelden")
        model.ir_version = 9
        checker.check_model(model)
        serialized: bytes = model.SerializeToString()
        return serialized
