"""Models that look at images of 8 by 8 pixels, or of any size where the task gives an image back."""

from __future__ import annotations

from typing import Any

from tests.tiny_model import CONFIG, WORDS
from tests.tiny_models.graph import FLOAT, INT64, Graph
from tests.tiny_models.tokenizers import Files, Json, json_files, words

SIDE = 8
QUERIES = 6
LABELS = ("cat", "dog", "tree", "house")

_PIXELS = ("batch", 3, "height", "width")
_PATCH = 4
_PATCHES = (SIDE // _PATCH) ** 2


def preprocessor(kind: str = "ViTImageProcessor", **more: Any) -> Json:
    """The preprocessing of an image."""
    return {
        "image_processor_type": kind,
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        **more,
    }


def patches(graph: Graph, hidden: int) -> str:
    """Four patches of 4 by 4 pixels, each as a vector: (batch, 4, hidden)."""
    kernel = graph.weights(hidden, 3, _PATCH, _PATCH, scale=0.3)
    maps = graph.op("Conv", graph.input("pixel_values", _PIXELS), kernel, strides=[_PATCH, _PATCH])
    return graph.op("Transpose", graph.op("Reshape", maps, graph.ints(0, 0, -1)), perm=[0, 2, 1])


def image_classification() -> Files:
    """One of four labels."""
    graph = Graph("image-classification", seed=31)
    mean = graph.op("ReduceMean", patches(graph, 8), axes=[1], keepdims=0)
    graph.output(graph.op("MatMul", mean, graph.weights(8, len(LABELS))), "logits", ["batch", len(LABELS)])
    return _files("vit", "ViTForImageClassification", graph, labels=LABELS)


def image_feature_extraction() -> Files:
    """A vector for each patch, and one for the image."""
    graph = Graph("image-features", seed=32)
    states = patches(graph, 8)
    graph.output(states, "last_hidden_state", ["batch", _PATCHES, 8])
    graph.output(graph.op("ReduceMean", states, axes=[1], keepdims=0), "pooler_output", ["batch", 8])
    return _files("vit", "ViTModel", graph)


def object_detection() -> Files:
    """Six boxes with a label or none."""
    graph = Graph("object-detection", seed=33)
    _boxes(graph, _queries(graph), len(LABELS) + 1)
    processor = preprocessor("DetrImageProcessor")
    return _files("detr", "DetrForObjectDetection", graph, labels=LABELS, processor=processor)


def zero_shot_object_detection() -> Files:
    """Six boxes, and how well each text fits each of them."""
    graph = Graph("zero-shot-object-detection", seed=34)
    queries = _queries(graph)
    scores = graph.op("MatMul", queries, graph.op("Transpose", _texts(graph), perm=[1, 0]))
    graph.output(scores, "logits", ["batch", QUERIES, "texts"])
    _corners(graph, queries)
    processor = preprocessor("OwlViTImageProcessor")
    return {**_files("owlvit", "OwlViTForObjectDetection", graph, processor=processor), **words()}


def zero_shot_image_classification() -> Files:
    """A model that rates how well each text fits each image."""
    graph = Graph("zero-shot-image-classification", seed=35)
    image = graph.op("ReduceMean", patches(graph, 8), axes=[1], keepdims=0)
    scores = graph.op("MatMul", image, graph.op("Transpose", _texts(graph), perm=[1, 0]))
    graph.output(scores, "logits_per_image", ["batch", "texts"])
    return {**_files("clip", "CLIPModel", graph, processor=preprocessor("CLIPImageProcessor")), **words()}


def image_segmentation() -> Files:
    """A label for each pixel of a quarter-size map."""
    graph = Graph("image-segmentation", seed=36)
    kernel = graph.weights(len(LABELS), 3, 2, 2)
    maps = graph.op("Conv", graph.input("pixel_values", _PIXELS), kernel, strides=[2, 2])
    graph.output(maps, "logits", ["batch", len(LABELS), "rows", "columns"])
    processor = preprocessor("SegformerImageProcessor")
    return _files("segformer", "SegformerForSemanticSegmentation", graph, labels=LABELS, processor=processor)


def background_removal() -> Files:
    """A model of the share of the foreground in each pixel."""
    graph = Graph("background-removal", seed=37)
    maps = graph.op("Conv", graph.input("input", _PIXELS), graph.weights(1, 3, 1, 1))
    graph.output(graph.op("Sigmoid", maps), "output", ["batch", 1, "height", "width"])
    return _files("modnet", "MODNet", graph)


def depth_estimation() -> Files:
    """A depth for each pixel."""
    graph = Graph("depth-estimation", seed=38)
    maps = graph.op("Conv", graph.input("pixel_values", _PIXELS), graph.weights(1, 3, 1, 1))
    graph.output(graph.op("Squeeze", maps, graph.ints(1)), "predicted_depth", ["batch", "height", "width"])
    return _files("dpt", "DPTForDepthEstimation", graph, processor=preprocessor("DPTImageProcessor"))


def image_to_image() -> Files:
    """The image, twice as large."""
    graph = Graph("image-to-image", seed=39)
    pixels = graph.input("pixel_values", _PIXELS)
    scales = graph.weights(3, 3, 1, 1, scale=0.5)
    mixed = graph.op("Sigmoid", graph.op("Conv", pixels, scales))
    doubled = graph.op("ConvTranspose", mixed, graph.weights(3, 3, 2, 2, scale=0.4), strides=[2, 2])
    graph.output(doubled, "reconstruction", ["batch", 3, "rows", "columns"])
    processor = preprocessor("Swin2SRImageProcessor", do_resize=False, do_normalize=False, do_pad=True, pad_size=8)
    del processor["size"]
    return _files("swin2sr", "Swin2SRForImageSuperResolution", graph, processor=processor)


def _queries(graph: Graph) -> str:
    image = graph.op("ReduceMean", patches(graph, 8), axes=[1], keepdims=1)
    return graph.op("Tanh", graph.op("Add", image, graph.weights(QUERIES, 8, scale=2)))


def _boxes(graph: Graph, queries: str, classes: int) -> None:
    graph.output(graph.op("MatMul", queries, graph.weights(8, classes, scale=3)), "logits", ["batch", QUERIES, classes])
    _corners(graph, queries)


def _corners(graph: Graph, queries: str) -> None:
    boxes = graph.op("Sigmoid", graph.op("MatMul", queries, graph.weights(8, 4)))
    graph.output(boxes, "pred_boxes", ["batch", QUERIES, 4])


def _texts(graph: Graph) -> str:
    ids = graph.input("input_ids", ["texts", "seq"], INT64)
    mask = graph.op("Cast", graph.input("attention_mask", ["texts", "seq"], INT64), to=FLOAT)
    tokens = graph.op("Gather", graph.weights(len(WORDS), 8), ids)
    return graph.op(
        "ReduceMean", graph.op("Mul", tokens, graph.op("Unsqueeze", mask, graph.ints(2))), axes=[1], keepdims=0
    )


def _files(
    model_type: str, architecture: str, graph: Graph, *, labels: tuple[str, ...] = (), processor: Json | None = None
) -> Files:
    config: Json = {"model_type": model_type, "architectures": [architecture]}
    if model_type in ("clip", "owlvit"):
        config["text_config"] = CONFIG
    if labels:
        config["id2label"] = {str(index): label for index, label in enumerate(labels)}
    return {
        **json_files(config=config, preprocessor_config=processor or preprocessor()),
        "onnx/model.onnx": graph.model(),
    }
