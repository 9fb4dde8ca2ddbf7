"""The tasks, and their default models, for when neither Remote Settings nor the caller names one. Pure.

Source: Firefox ``EngineProcess.sys.mjs`` (``DEFAULT_MODELS``, all of dtype ``q8``) and, for tasks of Firefox's own,
``ONNXPipeline.mjs`` (``ENGINE_CONFIGURATION``); the tasks without a default are those of
transformers.js (``SUPPORTED_TASKS``) that Firefox leaves to Remote Settings. ``moz-echo`` has no model in Firefox; here
every engine has one.
"""

from __future__ import annotations

DEFAULT_DTYPE = "q8"
"""The data type of all default models."""

DEFAULT_MODELS: dict[str, str | None] = {
    "audio-classification": None,
    "automatic-speech-recognition": None,
    "background-removal": None,
    "depth-estimation": "Xenova/dpt-large",
    "document-question-answering": "Xenova/donut-base-finetuned-docvqa",
    "feature-extraction": "Xenova/all-MiniLM-L6-v2",
    "fill-mask": "Xenova/bert-base-uncased",
    "image-classification": "Xenova/vit-base-patch16-224",
    "image-feature-extraction": "Xenova/vit-base-patch16-224-in21k",
    "image-segmentation": "Xenova/detr-resnet-50-panoptic",
    "image-to-image": "Xenova/swin2SR-classical-sr-x2-64",
    "image-to-text": "Mozilla/distilvit",
    "moz-echo": "test-echo",
    "moz-image-to-text": "mozilla/distilvit",
    "moz-text-to-goal": "mozilla/iab-multitask-inference",
    "object-detection": "Xenova/detr-resnet-50",
    "question-answering": "Xenova/distilbert-base-cased-distilled-squad",
    "static-embeddings": "mozilla/static-embeddings",
    "summarization": "Xenova/distilbart-cnn-6-6",
    "test-echo": "test-echo",
    "text-classification": "Xenova/distilbert-base-uncased-finetuned-sst-2-english",
    "text-generation": "onnx-community/gpt2-ONNX",
    "text-to-audio": None,
    "text-to-speech": "Xenova/speecht5_tts",
    "text2text-generation": "Xenova/flan-t5-small",
    "token-classification": "Xenova/bert-base-multilingual-cased-ner-hrl",
    "translation": "Xenova/t5-small",
    "zero-shot-audio-classification": None,
    "zero-shot-classification": "Xenova/distilbert-base-uncased-mnli",
    "zero-shot-image-classification": "Xenova/clip-vit-base-patch32",
    "zero-shot-object-detection": "Xenova/owlvit-base-patch32",
}
"""Default model by task."""

ALIASES: dict[str, str] = {
    "asr": "automatic-speech-recognition",
    "embeddings": "feature-extraction",
    "ner": "token-classification",
    "sentiment-analysis": "text-classification",
}
"""Other names of tasks (transformers.js, ``TASK_ALIASES``), which Firefox passes on.

``text-to-speech`` is an alias there. Firefox has a default model for it, so here it is a task.
"""

FIREFOX_TASKS = frozenset({"moz-echo", "moz-image-to-text", "moz-text-to-goal", "test-echo"})
"""Firefox's own tasks (``ONNXPipeline.mjs``, ``ENGINE_CONFIGURATION``). Their workers get the engine's options."""

ECHOES = frozenset({"moz-echo", "test-echo"})
"""Tasks and models without files (``PIPELINE_TEST_NAMES``)."""
