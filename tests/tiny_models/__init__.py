"""Tiny models for all tasks of transformers.js and Firefox: a few kilobytes of random weights, always the same.

They answer nonsense, but all of the way to it is real: tokenizers, image and audio processing, key-value caches.
``python -m tests.tiny_models FOLDER`` writes them as a hub: ``FOLDER/tiny/<name>/v1/<file>``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import onnx
from onnx.external_data_helper import set_external_data

from tests.tiny_model import tiny_model
from tests.tiny_models import audio, generation, speech, text, vision, whisper
from tests.tiny_models.tokenizers import Files


def _feature_extraction() -> Files:
    files = tiny_model("v1")
    return {**files, "onnx/model.onnx": files["onnx/model_quantized.onnx"]}


def _with_external_data() -> Files:
    """`_feature_extraction` with its weights in a file beside the model, as models above 2 GB have to have them."""
    model = onnx.load_from_string(_feature_extraction()["onnx/model.onnx"])
    data = b""
    # Not the axis: what shapes follow from has to be in the model.
    for tensor in (each for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT):
        set_external_data(tensor, "model.onnx_data", offset=len(data), length=len(tensor.raw_data))
        data += tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
    settings = {path: content for path, content in _feature_extraction().items() if path.endswith(".json")}
    return {**settings, "onnx/model.onnx": model.SerializeToString(), "onnx/model.onnx_data": data}


EXTERNAL = "external-data"
"""A model for feature extraction whose weights are in a file beside it."""

MODELS: Mapping[str, Callable[[], Files]] = {
    "audio-classification": audio.audio_classification,
    "automatic-speech-recognition": audio.automatic_speech_recognition,
    "background-removal": vision.background_removal,
    "depth-estimation": vision.depth_estimation,
    "document-question-answering": generation.image_to_text,
    EXTERNAL: _with_external_data,
    "feature-extraction": _feature_extraction,
    "fill-mask": text.fill_mask,
    "image-classification": vision.image_classification,
    "image-feature-extraction": vision.image_feature_extraction,
    "image-segmentation": vision.image_segmentation,
    "image-to-image": vision.image_to_image,
    "image-to-text": generation.image_to_text,
    "moz-image-to-text": generation.image_to_text,
    "moz-text-to-goal": text.text_to_goal,
    "object-detection": vision.object_detection,
    "question-answering": text.question_answering,
    "summarization": generation.text2text_generation,
    "text-classification": text.text_classification,
    "text-generation": generation.text_generation,
    "text-to-audio": audio.text_to_audio,
    "text-to-speech": speech.text_to_speech,
    "text2text-generation": generation.text2text_generation,
    "token-classification": text.token_classification,
    "translation": generation.text2text_generation,
    "whisper": whisper.whisper,
    "zero-shot-audio-classification": audio.zero_shot_audio_classification,
    "zero-shot-classification": text.zero_shot_classification,
    "zero-shot-image-classification": vision.zero_shot_image_classification,
    "zero-shot-object-detection": vision.zero_shot_object_detection,
}
"""What makes the files of each model. They are named after their tasks, but for `OTHERS`."""

OTHERS: Mapping[str, str] = {EXTERNAL: "feature-extraction", "whisper": "automatic-speech-recognition"}
"""Tasks of second models."""

REVISION = "v1"


def task_of(name: str) -> str:
    """The task of a model."""
    return OTHERS.get(name, name)


def model_name(name: str) -> str:
    """The name of a model on the hub."""
    return f"tiny/{name}"


@functools.cache
def files(name: str) -> Files:
    """The files of a model by path."""
    return MODELS[name]()
