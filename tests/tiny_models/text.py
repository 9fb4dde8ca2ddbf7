"""Models that read text: a BERT without layers, under the heads of five tasks."""

from __future__ import annotations

from tests.tiny_model import CONFIG, WORDS
from tests.tiny_models.graph import FLOAT, INT64, Graph
from tests.tiny_models.tokenizers import Files, Json, json_files, words

HIDDEN = 8
LABELS = ("sad", "happy", "neither")
ENTAILMENT = ("contradiction", "neutral", "entailment")
ENTITIES = ("O", "B-PER", "I-PER")
DOMAINS = {"<unk>": 3, "shop.example": 7}


def text_classification() -> Files:
    """One of three labels."""
    return _bert("BertForSequenceClassification", _pooled(len(LABELS), seed=11), LABELS)


def zero_shot_classification() -> Files:
    """Does the first sentence entail the second?"""
    return _bert("BertForSequenceClassification", _pooled(len(ENTAILMENT), seed=12), ENTAILMENT)


def token_classification() -> Files:
    """A label for each token."""
    return _bert("BertForTokenClassification", _by_token(len(ENTITIES), seed=13), ENTITIES)


def fill_mask() -> Files:
    """A word for each token."""
    return _bert("BertForMaskedLM", _by_token(len(WORDS), seed=14))


def question_answering() -> Files:
    """A model of the start and the end of the answer."""
    graph = Graph("question-answering", seed=15)
    states = mixed(graph, embedded(graph))
    for name in ("start_logits", "end_logits"):
        column = graph.op("MatMul", states, graph.weights(HIDDEN, 1))
        graph.output(graph.op("Squeeze", column, graph.ints(2)), name, ["batch", "seq"])
    return _bert("BertForQuestionAnswering", graph.model())


def text_to_goal() -> Files:
    """As Firefox's iab-multitask-inference: takes a domain and a type beside the text, and tells what it was given."""
    graph = Graph("text-to-goal", seed=16)
    tokens, mask = (graph.input(name, ["batch", "seq"], INT64) for name in ("input_ids", "attention_mask"))
    domain, kind = (graph.input(name, ["batch"], INT64) for name in ("domain_ids", "task_type"))
    sums = [graph.op("ReduceSum", value, graph.ints(1), keepdims=0) for value in (tokens, mask)]
    width = graph.op("Shape", tokens, start=1, end=2)
    features = graph.op("Cast", graph.op("Concat", *sums, width, domain, kind, axis=0), to=FLOAT)
    graph.output(features, "embedding", [5])
    config = {**CONFIG, "transformers.js_config": {"domain_vocab": DOMAINS}}
    return {**json_files(config=config), **words(), "onnx/model.onnx": graph.model()}


def embedded(graph: Graph) -> str:
    """Embeddings of words and types, zero where the mask is."""
    inputs = [graph.input(name, ["batch", "seq"], INT64) for name in ("input_ids", "attention_mask", "token_type_ids")]
    tokens = graph.op("Gather", graph.weights(len(WORDS), HIDDEN), inputs[0])
    types = graph.op("Gather", graph.weights(2, HIDDEN), inputs[2])
    mask = graph.op("Unsqueeze", graph.op("Cast", inputs[1], to=FLOAT), graph.ints(2))
    return graph.op("Mul", graph.op("Add", tokens, types), mask)


def mixed(graph: Graph, states: str) -> str:
    """Each token with something of all the others, so that order of words and length count."""
    mean = graph.op("ReduceMean", states, axes=[1], keepdims=1)
    product = graph.op("MatMul", graph.op("Add", states, mean), graph.weights(HIDDEN, HIDDEN))
    return graph.op("Tanh", product)


def _pooled(labels: int, seed: int) -> bytes:
    graph = Graph("sequence-classification", seed)
    mean = graph.op("ReduceMean", mixed(graph, embedded(graph)), axes=[1], keepdims=0)
    graph.output(graph.op("MatMul", mean, graph.weights(HIDDEN, labels, scale=3)), "logits", ["batch", labels])
    return graph.model()


def _by_token(labels: int, seed: int) -> bytes:
    graph = Graph("token-classification", seed)
    logits = graph.op("MatMul", mixed(graph, embedded(graph)), graph.weights(HIDDEN, labels, scale=2))
    graph.output(logits, "logits", ["batch", "seq", labels])
    return graph.model()


def _bert(architecture: str, model: bytes, labels: tuple[str, ...] = ()) -> Files:
    config: Json = {**CONFIG, "architectures": [architecture], "hidden_size": HIDDEN}
    if labels:
        config["id2label"] = {str(index): label for index, label in enumerate(labels)}
        config["label2id"] = {label: index for index, label in enumerate(labels)}
    return {**json_files(config=config), **words(), "onnx/model.onnx": model}
