"""Tiny models for all tasks of transformers.js and Firefox: a few kilobytes of random weights, always the same.

They answer nonsense, but all of the way to it is real: tokenizers, image and audio processing, key-value caches.
``python -m tests.tiny_models FOLDER`` writes them as a hub: ``FOLDER/tiny/<name>/v1/<file>``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from tests.tiny_model import tiny_model
from tests.tiny_models import audio, generation, text, vision, whisper
from tests.tiny_models.tokenizers import Files


def _feature_extraction() -> Files:
    files = tiny_model("v1")
    return {**files, "onnx/model.onnx": files["onnx/model_quantized.onnx"]}


MODELS: Mapping[str, Callable[[], Files]] = {
    "audio-classification": audio.audio_classification,
    "automatic-speech-recognition": audio.automatic_speech_recognition,
    "background-removal": vision.background_removal,
    "depth-estimation": vision.depth_estimation,
    "document-question-answering": generation.image_to_text,
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

OTHERS: Mapping[str, str] = {"whisper": "automatic-speech-recognition"}
"""Tasks of second models."""

REVISION = "v1"


def task_of(name: str) -> str:
    """What a model is for."""
    return OTHERS.get(name, name)


def model_name(name: str) -> str:
    """The name of a model on the hub."""
    return f"tiny/{name}"


@functools.cache
def files(name: str) -> Files:
    """The files of a model by path."""
    return MODELS[name]()
