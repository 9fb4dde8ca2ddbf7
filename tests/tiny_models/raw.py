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
        **_descriptions(),
        **_rewritten(),
        **_composite_inputs(),
        **_failures(),
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


def _descriptions() -> dict[str, bytes]:
    """Models whose inputs or outputs are no plain tensors."""
    floats = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    optional = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.STRING, floats))
    numbered = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, floats))
    texts: dict[str, Any] = {"classlabels_strings": ["a", "b"]}
    numbers: dict[str, Any] = {"classlabels_int64s": [-1, 6]}
    y = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    return {
        # PaddlePaddle writes an unknown dimension so.
        "unknown-dimensions": _of("Identity", [_x([-1, 2])], [_y([-1, 2])]),
        "scalar": _of("Identity", [_x([])], [_y([])]),
        "overridable": _of("Add", [_x([2]), _x([2], "w")], [_y([2])], ("w", [10, 20])),
        "optional-in": _of("OptionalGetElement", [helper.make_value_info("x", optional)], [_y([2])]),
        "sequence-out": _of("SequenceConstruct", [_x([2])], [y]),
        "classifier": _of("ZipMap", [_x([None, 2])], [helper.make_value_info("y", maps)], **texts),
        "numbered": _of("ZipMap", [_x([None, 2])], [helper.make_value_info("y", numbered)], **numbers),
        "reshape": _of("Reshape", [_x([None]), _integers("shape")], [_y(None)]),
        "fills-memory": _fills_memory(),
        "gather": _of("Gather", [_x([None]), _integers("index")], [_y(None)]),
    }


def _fills_memory() -> bytes:
    """A small file whose open model has a weight of 64 MB: onnxruntime computes what does not depend on an input."""
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["weight"]),
        helper.make_node("Gather", ["weight", "index"], ["y"]),
    ]
    size = numpy_helper.from_array(np.array([2**24], np.int64), "size")
    return _model(helper.make_graph(nodes, "g", [_integers("index")], [_y(None)], [size]))


NARROW = {
    "bfloat16": TensorProto.BFLOAT16,
    "float8e4m3fn": TensorProto.FLOAT8E4M3FN,
    "float8e5m2": TensorProto.FLOAT8E5M2,
}
"""Types that JavaScript has no numbers for; int4 and uint4 need runtime 6."""


def _rewritten() -> dict[str, bytes]:
    """Models with outputs that onnxruntime-web cannot hand out."""
    texts = helper.make_tensor_value_info("x", TensorProto.STRING, None)
    optional = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    casts = [helper.make_node("Cast", ["x"], [name], to=kind) for name, kind in NARROW.items()]
    outputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in NARROW.items()]
    narrow = helper.make_model(
        helper.make_graph(casts, "narrow", [_x(None)], outputs), opset_imports=[helper.make_opsetid("", 21)]
    )
    narrow.ir_version = 10
    return {
        "split-out": _of(
            "SplitToSequence", [_x(None)], [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)]
        ),
        "texts-split": _of(
            "SplitToSequence", [texts], [helper.make_tensor_sequence_value_info("y", TensorProto.STRING, None)]
        ),
        "optional-out": _of("Optional", [_x(None)], [helper.make_value_info("y", optional)]),
        "narrow-out": narrow.SerializeToString(),
    }


def _composite_inputs() -> dict[str, bytes]:
    """Models with inputs that onnxruntime-web does not take."""
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)
    sequence_type = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    optional_sequence = helper.make_value_info("x", helper.make_optional_type_proto(sequence_type))
    optional = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    sequence_out = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    is_there = helper.make_tensor_value_info("y", TensorProto.BOOL, [])
    casts = [helper.make_node("Cast", [name], [f"{name}-out"], to=TensorProto.FLOAT) for name in NARROW]
    narrow = helper.make_model(
        helper.make_graph(
            casts,
            "narrow-in",
            [helper.make_tensor_value_info(name, kind, [None]) for name, kind in NARROW.items()],
            [helper.make_tensor_value_info(f"{name}-out", TensorProto.FLOAT, [None]) for name in NARROW],
        ),
        opset_imports=[helper.make_opsetid("", 21)],
    )
    narrow.ir_version = 10
    return {
        "sequence-in": _of("Identity", [sequence], [sequence_out]),
        "optional-sequence-in": _of("OptionalGetElement", [optional_sequence], [sequence_out]),
        "optional-has": _of("OptionalHasElement", [helper.make_value_info("x", optional)], [is_there]),
        "narrow-in": narrow.SerializeToString(),
    }


def _failures() -> dict[str, bytes]:
    """Models that onnxruntime refuses."""
    return {
        "unknown-operator": _of("Nope", [_x([2])], [_y([2])]),
        "unknown-domain": _of("Nope", [_x([2])], [_y([2])], domain="nowhere"),
        "missing-input": _model(
            helper.make_graph([helper.make_node("Add", ["x", "z"], ["y"])], "g", [_x([2])], [_y([2])])
        ),
        "wrong-type": _of("Identity", [_x([2])], [_integers("y")]),
    }


def _of(
    operator: str,
    inputs: list[Any],
    outputs: list[Any],
    weights: tuple[str, list[float]] | None = None,
    **attributes: Any,
) -> bytes:
    """A model of one node."""
    domain = "ai.onnx.ml" if operator == "ZipMap" else attributes.pop("domain", "")
    names = ([node.name for node in inputs], [node.name for node in outputs])
    node = helper.make_node(operator, *names, domain=domain, **attributes)
    initializers = [numpy_helper.from_array(np.array(weights[1], np.float32), weights[0])] if weights else []
    return _model(helper.make_graph([node], "g", inputs, outputs, initializers))


def _x(shape: Any, name: str = "x") -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _y(shape: Any) -> Any:
    return helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)


def _integers(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, [None])


def _model(graph: Any, metadata: dict[str, str] | None = None, **fields: Any) -> bytes:
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)],
        producer_name="modelden",
        **fields,
    )
    model.ir_version = 9
    helper.set_model_props(model, metadata or {})
    serialized: bytes = model.SerializeToString()
    return serialized
