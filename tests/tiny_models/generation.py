"""Models that write: a decoder with a key-value cache, alone, behind a text encoder, behind an image encoder."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.tiny_models.graph import BOOL, FLOAT, INT64, Graph
from tests.tiny_models.tokenizers import CHARACTERS, END, PAD, Files, Json, characters, json_files
from tests.tiny_models.vision import patches, preprocessor

VOCABULARY = len(CHARACTERS)


class Shape(NamedTuple):
    """The sizes of a decoder."""

    heads: int = 2
    head: int = 4
    positions: int = 512

    @property
    def hidden(self) -> int:
        """Numbers of each state."""
        return self.heads * self.head


TINY = Shape()
HEADS, HEAD, HIDDEN, POSITIONS = TINY.heads, TINY.head, TINY.hidden, TINY.positions

_GENERATION: Json = {"eos_token_id": END, "pad_token_id": PAD, "decoder_start_token_id": PAD, "max_length": 40}
_CHAT = "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}"


def _gpt(shape: Shape = TINY) -> Json:
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": VOCABULARY,
        "n_embd": shape.hidden,
        "n_head": shape.heads,
        "n_layer": 1,
        "n_positions": shape.positions,
        "max_position_embeddings": shape.positions,
        "eos_token_id": END,
        "pad_token_id": PAD,
    }


def text_generation(shape: Shape = TINY) -> Files:
    """GPT-2's form: logits and a cache."""
    graph = Graph("gpt", seed=21)
    decode(graph, "0", mask=graph.input("attention_mask", ["batch", "total"], INT64), shape=shape)
    generation = {key: value for key, value in _GENERATION.items() if key != "decoder_start_token_id"}
    return {
        **json_files(config=_gpt(shape), generation_config=generation),
        **characters(chat_template=_CHAT, max_length=shape.positions),
        "onnx/model.onnx": graph.model(),
    }


def text2text_generation() -> Files:
    """T5's shape: an encoder, and a decoder that looks at what it made."""
    encoder = Graph("encoder", seed=22)
    tokens = encoder.op("Gather", encoder.weights(VOCABULARY, HIDDEN), encoder.input("input_ids", ["b", "s"], INT64))
    mask = encoder.op("Cast", encoder.input("attention_mask", ["b", "s"], INT64), to=FLOAT)
    states = encoder.op("Mul", tokens, encoder.op("Unsqueeze", mask, encoder.ints(2)))
    encoder.output(states, "last_hidden_state", ["b", "s", HIDDEN])
    decoder = Graph("decoder", seed=23)
    decode(decoder, "0.decoder", encoded=encoder_states(decoder))
    config = {
        "model_type": "t5",
        "architectures": ["T5ForConditionalGeneration"],
        "is_encoder_decoder": True,
        "vocab_size": VOCABULARY,
        "d_model": HIDDEN,
        "d_kv": HEAD,
        "num_heads": HEADS,
        "num_layers": 1,
        "num_decoder_layers": 1,
        "decoder_start_token_id": PAD,
        "eos_token_id": END,
        "pad_token_id": PAD,
        "task_specific_params": {"summarization": {"prefix": "summarize: "}},
    }
    return {
        **json_files(config=config, generation_config=_GENERATION),
        **characters(ends_with_token=True),
        "onnx/encoder_model.onnx": encoder.model(),
        "onnx/decoder_model_merged.onnx": decoder.model(),
    }


def image_to_text() -> Files:
    """A vision encoder and GPT-2 as decoder, as Firefox's mozilla/distilvit; donut's shape too."""
    encoder = Graph("image-encoder", seed=24)
    encoder.output(patches(encoder, HIDDEN), "last_hidden_state", ["batch", "patches", HIDDEN])
    decoder = Graph("image-decoder", seed=25)
    decode(decoder, "0", encoded=encoder_states(decoder))
    config = {
        "model_type": "vision-encoder-decoder",
        "architectures": ["VisionEncoderDecoderModel"],
        "is_encoder_decoder": True,
        "decoder_start_token_id": PAD,
        "eos_token_id": END,
        "pad_token_id": PAD,
        "encoder": {"model_type": "vit"},
        "decoder": {**_gpt(), "add_cross_attention": True, "max_position_embeddings": 60},
    }
    return {
        **json_files(config=config, generation_config=_GENERATION, preprocessor_config=preprocessor()),
        **characters(),
        "onnx/encoder_model.onnx": encoder.model(),
        "onnx/decoder_model_merged.onnx": decoder.model(),
    }


def encoder_states(graph: Graph) -> str:
    """Declare what an encoder made."""
    return graph.input("encoder_hidden_states", ["batch", "source", HIDDEN])


def decode(
    graph: Graph,
    layer: str,
    *,
    mask: str | None = None,
    encoded: str | None = None,
    vocabulary: int = VOCABULARY,
    shape: Shape = TINY,
) -> str:
    """One layer of masked attention over the cache and the new tokens, and over ``encoded`` if given; then logits.

    Returns where it looked: at ``encoded`` if given, else at the tokens.
    """
    ids = graph.input("input_ids", ["batch", "seq"], INT64)
    cache = ("batch", shape.heads, "past", shape.head)
    old_keys = graph.input(f"past_key_values.{layer}.key", cache)
    old_values = graph.input(f"past_key_values.{layer}.value", cache)
    known = graph.op("Squeeze", graph.op("Shape", old_keys, start=2, end=3))
    length = graph.op("Squeeze", graph.op("Shape", ids, start=1, end=2))
    total = graph.op("Add", known, length)
    one = graph.constant(np.array(1, dtype=np.int64))
    places = graph.op("Range", known, total, one)
    states = graph.op(
        "Add",
        graph.op("Gather", graph.weights(vocabulary, shape.hidden), ids),
        graph.op("Gather", graph.weights(shape.positions, shape.hidden), places),
    )
    keys = graph.op("Concat", old_keys, _heads(graph, states, shape), axis=2)
    values = graph.op("Concat", old_values, _heads(graph, states, shape), axis=2)
    later = graph.op(
        "Greater",
        graph.op("Range", graph.constant(np.array(0, dtype=np.int64)), total, one),
        graph.op("Unsqueeze", places, graph.ints(1)),
    )
    hidden = later
    if mask is not None:
        absent = graph.op("Not", graph.op("Cast", mask, to=BOOL))
        hidden = graph.op("Or", later, graph.op("Unsqueeze", absent, graph.ints(1, 2)))
    looked = _look(graph, _heads(graph, states, shape), keys, hidden)
    states = graph.op("Add", states, _read(graph, looked, values, shape))
    if encoded is not None:
        source_keys, source_values = _heads(graph, encoded, shape), _heads(graph, encoded, shape)
        looked = _look(graph, _heads(graph, states, shape), source_keys)
        states = graph.op("Add", states, _read(graph, looked, source_values, shape))
    logits = graph.op("MatMul", graph.op("Tanh", states), graph.weights(shape.hidden, vocabulary))
    graph.output(logits, "logits", ["batch", "seq", vocabulary])
    graph.output(keys, f"present.{layer}.key", ["batch", shape.heads, "total", shape.head])
    graph.output(values, f"present.{layer}.value", ["batch", shape.heads, "total", shape.head])
    return looked


def _heads(graph: Graph, states: str, shape: Shape) -> str:
    product = graph.op("MatMul", states, graph.weights(shape.hidden, shape.hidden))
    split = graph.op("Reshape", product, graph.ints(0, 0, shape.heads, shape.head))
    return graph.op("Transpose", split, perm=[0, 2, 1, 3])


def _look(graph: Graph, queries: str, keys: str, hidden: str | None = None) -> str:
    scores = graph.op("MatMul", queries, graph.op("Transpose", keys, perm=[0, 1, 3, 2]))
    if hidden is not None:
        scores = graph.op("Where", hidden, graph.scalar(-1e9), scores)
    return graph.op("Softmax", scores, axis=-1)


def _read(graph: Graph, looked: str, values: str, shape: Shape) -> str:
    context = graph.op("MatMul", looked, values)
    return graph.op("Reshape", graph.op("Transpose", context, perm=[0, 2, 1, 3]), graph.ints(0, 0, shape.hidden))
