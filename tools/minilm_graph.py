"""The ONNX graph of a BERT encoder, written node by node, and its int8 form."""

from __future__ import annotations

import json
import logging
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

type Weights = dict[str, NDArray[Any]]
type Config = dict[str, Any]

OPSET = 17
IR_VERSION = 8
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype(np.float32), "I64": np.dtype(np.int64)}


def read_safetensors(raw: bytes) -> Weights:
    """The tensors of a safetensors file, as views into its bytes.

    The format: https://github.com/huggingface/safetensors#format
    """
    (header_size,) = struct.unpack_from("<Q", raw)
    data_start = 8 + header_size
    header = json.loads(raw[8:data_start])
    header.pop("__metadata__", None)
    weights: Weights = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = _DTYPES[entry["dtype"]]
        values = np.frombuffer(raw, dtype, count=(end - start) // dtype.itemsize, offset=data_start + start)
        weights[name] = values.reshape(entry["shape"])
    return weights


class BertGraph:
    """Writes a BERT encoder; its methods take and return names of values in the graph.

    Names and order of nodes and constants are part of the bytes, and so of the file's SHA-256.
    """

    def __init__(self, weights: Weights, config: Config) -> None:
        self._weights = weights
        self._config = config
        self._hidden: int = config["hidden_size"]
        self._heads: int = config["num_attention_heads"]
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def model(self) -> ModelProto:
        """The whole model, checked by onnx."""
        value = self._embeddings()
        mask = self._additive_mask()
        for layer in range(self._config["num_hidden_layers"]):
            value = self._layer(layer, value, mask)
        self._node("Identity", [value], OUTPUT)
        dims = ["batch_size", "sequence_length"]
        graph = helper.make_graph(
            self._nodes,
            "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, dims) for name in INPUTS],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [*dims, self._hidden])],
            list(self._constants.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], producer_name="build_minilm")
        model.ir_version = IR_VERSION
        checker.check_model(model, full_check=True)
        return model

    def _embeddings(self) -> str:
        """Word, token type and position (0 … length-1) embeddings, added and normalised."""
        shape = self._node("Shape", ["input_ids"], "ids_shape")
        one = self._integers("one_s", 1)
        length = self._node("Gather", [shape, one], "seq_len", axis=0)
        positions = self._node("Range", [self._integers("zero_s", 0), length, one], "position_ids")
        words = self._rows("word", "input_ids", "emb_word")
        types = self._rows("token_type", "token_type_ids", "emb_type")
        places = self._rows("position", positions, "emb_pos")
        added = self._node("Add", [self._node("Add", [words, types], "emb_a"), places], "emb_b")
        return self._layer_norm(added, "embeddings.LayerNorm", "emb")

    def _rows(self, table: str, indices: str, out: str) -> str:
        weight = self._weight(f"embeddings.{table}_embeddings.weight")
        return self._node("Gather", [weight, indices], out, axis=0)

    def _additive_mask(self) -> str:
        """0 where the attention mask is 1, the lowest float where it is 0.

        Shaped for [batch, heads, from, to].
        """
        mask = self._node("Cast", ["attention_mask"], "mask_f", to=TensorProto.FLOAT)
        mask = self._node("Unsqueeze", [mask, self._integers("axes12", [1, 2])], "mask_4d")
        hidden = self._node("Sub", [self._float("one_f", 1), mask], "mask_inv")
        lowest = self._float("lowest", float(np.finfo(np.float32).min))
        return self._node("Mul", [hidden, lowest], "mask_add")

    def _layer(self, layer: int, value: str, mask: str) -> str:
        prefix, name = f"encoder.layer.{layer}.", f"l{layer}/"
        attention = self._attention(prefix, name, value, mask)
        value = self._node("Add", [attention, value], name + "res1")
        value = self._layer_norm(value, prefix + "attention.output.LayerNorm", name + "ln1")
        inner = self._gelu(self._linear(value, prefix + "intermediate.dense", name + "ff1"), name)
        inner = self._linear(inner, prefix + "output.dense", name + "ff2")
        value = self._node("Add", [inner, value], name + "res2")
        return self._layer_norm(value, prefix + "output.LayerNorm", name + "ln2")

    def _attention(self, prefix: str, name: str, value: str, mask: str) -> str:
        size = self._hidden // self._heads
        split = self._integers("split_shape", [0, 0, self._heads, size])
        merge = self._integers("merge_shape", [0, 0, self._hidden])
        heads = []
        # The key is transposed already, so that the scores are one MatMul.
        for role, axes in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
            projected = self._linear(value, prefix + "attention.self." + role, name + role)
            parts = self._node("Reshape", [projected, split], name + role + "_r")
            heads.append(self._node("Transpose", [parts], name + role + "_t", perm=axes))
        scores = self._node("MatMul", heads[:2], name + "scores")
        scaled = self._node("Div", [scores, self._float("sqrt_d", size**0.5)], name + "scaled")
        masked = self._node("Add", [scaled, mask], name + "masked")
        chances = self._node("Softmax", [masked], name + "probs", axis=-1)
        context = self._node("MatMul", [chances, heads[2]], name + "ctx")
        context = self._node("Transpose", [context], name + "ctx_t", perm=[0, 2, 1, 3])
        context = self._node("Reshape", [context, merge], name + "ctx_m")
        return self._linear(context, prefix + "attention.output.dense", name + "attn_out")

    def _gelu(self, value: str, name: str) -> str:
        """The exact form that BERT uses: x * (erf(x / sqrt 2) + 1) / 2."""
        scaled = self._node("Div", [value, self._float("sqrt2", 2**0.5)], name + "gelu_d")
        erf = self._node("Erf", [scaled], name + "gelu_e")
        raised = self._node("Add", [erf, self._float("one_f", 1)], name + "gelu_1")
        product = self._node("Mul", [value, raised], name + "gelu_m")
        return self._node("Mul", [product, self._float("half", 0.5)], name + "gelu")

    def _linear(self, value: str, weight: str, out: str) -> str:
        # x @ W.T + b, with W stored transposed: the quantiser takes a MatMul by a constant
        matrix = self._constant(weight + ".weight_T", self._weights[weight + ".weight"].T)
        product = self._node("MatMul", [value, matrix], out + "/matmul")
        return self._node("Add", [product, self._weight(weight + ".bias")], out)

    def _layer_norm(self, value: str, weight: str, out: str) -> str:
        parts = [self._constant(weight + kind + "_32", self._weights[weight + kind]) for kind in (".weight", ".bias")]
        epsilon = self._config["layer_norm_eps"]
        return self._node("LayerNormalization", [value, *parts], out, axis=-1, epsilon=epsilon)

    def _node(
        self,
        kind: str,
        inputs: Sequence[str],
        out: str,
        **attributes: Any,
    ) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [out], name="/" + out, **attributes))
        return out

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _float(self, name: str, value: float) -> str:
        return self._constant(name, np.asarray(value, np.float32))

    def _integers(self, name: str, value: int | list[int]) -> str:
        return self._constant(name, np.asarray(value, np.int64))

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        if name not in self._constants:
            # np.ascontiguousarray would make a scalar a 1-element array: the checker passes it,
            # and Range fails at run time
            ordered = np.asarray(array, order="C")
            self._constants[name] = numpy_helper.from_array(ordered, name)
        return name


def quantise(source: Path, target: Path) -> None:
    """Dynamic int8 of the matrices and of the embedding table.

    Per channel, because per tensor loses too much (cosine to float32 0.85 instead of 0.97); with
    7-bit weights (`reduce_range`), because CPUs without VNNI saturate u8 x s8 sums and would give
    other results than wasm.
    """
    # the quantiser recommends a preprocessing step, which changes nothing in this graph
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        str(source),
        str(target),
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )
