"""The tiny BERT-shaped model of the recordings: hidden size 4, 16 words, two revisions of weights.

Deterministic: the truth files hold size and SHA-256 of every file (``file_bodies``), and a test
compares.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("hello", "world", "a", "b", "c", "the", "cat", "dog", "##s", ".", ","),
)
HIDDEN = 4
SPECIAL = WORDS[:5]

CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": HIDDEN,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 4,
    "vocab_size": len(WORDS),
    "type_vocab_size": 2,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
}

TOKENIZER_CONFIG = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
    "model_max_length": 16,
}

_START = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
_FIRST = {"Sequence": {"id": "A", "type_id": 0}}
_END_OF_FIRST = {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
_SECOND = {"Sequence": {"id": "B", "type_id": 1}}
_END_OF_SECOND = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}

TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [
        {
            "id": index,
            "content": word,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for index, word in enumerate(SPECIAL)
    ],
    "normalizer": {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    },
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [_START, _FIRST, _END_OF_FIRST],
        "pair": [_START, _FIRST, _END_OF_FIRST, _SECOND, _END_OF_SECOND],
        "special_tokens": {
            "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
        },
    },
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {word: index for index, word in enumerate(WORDS)},
    },
}


@functools.cache
def tiny_model(revision: str) -> dict[str, bytes]:
    """The files of the repository by path, for the revision ``v1`` or ``v2``."""
    texts = {
        "config.json": CONFIG,
        "tokenizer.json": TOKENIZER,
        "tokenizer_config.json": TOKENIZER_CONFIG,
    }
    files = {name: json.dumps(content).encode() for name, content in texts.items()}
    files["onnx/model_quantized.onnx"] = _onnx(seed={"v1": 1, "v2": 2}[revision])
    return files


def _onnx(seed: int) -> bytes:
    """Word plus type embedding of each token, 0 where the attention mask is."""
    random = np.random.default_rng(seed)
    words = np.round(random.normal(size=(len(WORDS), HIDDEN)), 3).astype(np.float32)
    types = np.round(random.normal(size=(2, HIDDEN)), 3).astype(np.float32)
    dims = ["batch", "seq"]
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    nodes = [
        helper.make_node("Gather", ["emb", "input_ids"], ["e"], axis=0),
        helper.make_node("Gather", ["typ", "token_type_ids"], ["t"], axis=0),
        helper.make_node("Cast", ["attention_mask"], ["mf"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mf", "ax"], ["m3"]),
        helper.make_node("Add", ["e", "t"], ["s"]),
        helper.make_node("Mul", ["s", "m3"], ["last_hidden_state"]),
    ]
    constants: dict[str, NDArray[Any]] = {"emb": words, "typ": types, "ax": np.array([2], dtype=np.int64)}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, dims) for name in inputs],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*dims, HIDDEN])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], producer_name="parity")
    model.ir_version = 9
    checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized
