"""Raw ONNX models for `modelden.onnxruntime`."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, external_data_helper, helper, numpy_helper

TYPES: dict[str, int] = {
    "bool": TensorProto.BOOL,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "string": TensorProto.STRING,
}
WEIGHTS = "weights.bin"


def raw_models() -> dict[str, bytes]:
    """Models by name, and the file beside one of them."""
    return {
        "identities": _identities(TYPES),
        "identity": _identities({"x": TensorProto.FLOAT}),
        "x-to-y": _x_to_y(),
        "add": _add(),
        "external": _external(),
        WEIGHTS: np.array([10, 20], dtype=np.float32).tobytes(),
    }


def _identities(types: dict[str, int]) -> bytes:
    nodes = [helper.make_node("Identity", [name], [f"{name}-out"]) for name in types]
    inputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in types.items()]
    outputs = [helper.make_tensor_value_info(f"{name}-out", kind, None) for name, kind in types.items()]
    return _model(helper.make_graph(nodes, "identities", inputs, outputs))


def _x_to_y() -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y"))
    return _model(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "x-to-y", [x], [y]))


def _add() -> bytes:
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("a", "b", "sum", "difference")
    ]
    return _model(
        helper.make_graph(nodes, "add", values[:2], values[2:]),
        doc_string="adds",
        model_version=7,
        metadata={"author": "nobody", "empty": ""},
    )


def _external() -> bytes:
    weights = numpy_helper.from_array(np.array([10, 20], dtype=np.float32), "w")
    external_data_helper.set_external_data(weights, WEIGHTS, offset=0, length=8)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    node = helper.make_node("Add", ["x", "w"], ["y"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    return _model(helper.make_graph([node], "external", values[:1], values[1:], [weights]))


def _model(graph: Any, metadata: dict[str, str] | None = None, **fields: Any) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="modelden", **fields)
    model.ir_version = 9
    helper.set_model_props(model, metadata or {})
    serialized: bytes = model.SerializeToString()
    return serialized
