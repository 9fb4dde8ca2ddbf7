"""Models whose runs do not end for some inputs, each in another place: tokenizer, chat template, graph."""

from __future__ import annotations

import json

import numpy as np
from onnx import TensorProto, helper

from tests.tiny_model import tiny_model
from tests.tiny_models.generation import text_generation
from tests.tiny_models.tokenizers import Files

EVIL_TEXT = "a" * 60
"""A text that `endless_tokenizer` does not get over with."""

_ENDLESS = (
    "{% if messages[0].content == 'evil' %}"
    + "".join(f"{{% for x{depth} in range(1000) %}}" for depth in range(5))
    + "{% endfor %}" * 5
    + "{% endif %}{% for message in messages %}{{ message.content }}{% endfor %}"
)


def endless_tokenizer() -> Files:
    """A model for feature extraction whose tokenizer has a regular expression with catastrophic backtracking."""
    files = tiny_model("v1")
    tokenizer = json.loads(files["tokenizer.json"])
    split = {"type": "Split", "pattern": {"Regex": "(a+)+b"}, "behavior": "Isolated", "invert": False}
    before = [split, tokenizer["pre_tokenizer"]]
    tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": before}
    return {**files, "tokenizer.json": json.dumps(tokenizer).encode()}


def endless_template() -> Files:
    """A model for text generation whose chat template loops for the message ``evil``."""
    files = text_generation()
    config = json.loads(files["tokenizer_config.json"])
    config["chat_template"] = _ENDLESS
    return {**files, "tokenizer_config.json": json.dumps(config).encode()}


def endless_graph() -> bytes:
    """A raw model that adds 1 to ``x`` as many times as ``times`` says."""
    scalar: list[int] = []
    step = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["goes_on"]),
            helper.make_node("Add", ["value", "one"], ["sum"]),
        ],
        "step",
        [
            helper.make_tensor_value_info("index", TensorProto.INT64, scalar),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, scalar),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, scalar),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], np.ones(1, np.float32))],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["times", "true", "x"], ["y"], body=step)],
        "endless",
        [
            helper.make_tensor_value_info("times", TensorProto.INT64, scalar),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [helper.make_tensor("true", TensorProto.BOOL, scalar, [True])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    serialized: bytes = model.SerializeToString()
    return serialized
