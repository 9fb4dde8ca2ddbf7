"""What each file of a model's repository is for, by its name. Pure; publishing and downloading ask the same.

The groups are those of the table of file roles in Mozilla's "Models management"; extensions of other frameworks as the
Hugging Face hub knows them. A page needs what transformers.js asks for, and people read the model card.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

WEIGHTS = "weights"
CONFIGURATION = "configuration"
TOKENIZER = "tokenizer"
PREPROCESSING = "preprocessing"
TRAINING = "training metadata"
CARD = "model card"
FEATURES = "tokenization and feature extraction"
LICENCE = "licence"
HOUSEKEEPING = "housekeeping of the repository"
OTHER = "other"

OTHER_FRAMEWORK = "weights of another framework"
TRAINING_STATE = "training state"
NEEDLESS = "nothing that a page asks for"

SUFFIXES = {
    "fp32": "",
    "fp16": "_fp16",
    "int8": "_int8",
    "uint8": "_uint8",
    "q8": "_quantized",
    "q4": "_q4",
    "q4f16": "_q4f16",
    "bnb4": "_bnb4",
}
"""How the name of an ONNX file ends for each data type (transformers.js, ``utils/dtypes.js``)."""

_ONNX = re.compile(
    r"(?P<folder>.*/)?(?P<part>[^/]+?)(?P<suffix>"
    + "|".join(each for each in SUFFIXES.values() if each)
    + r")?\.onnx(?P<data>_data(?:_\d+)?)?"
)
_DTYPES = {suffix: dtype for dtype, suffix in SUFFIXES.items()}

_HOUSEKEEPING = (".*", "*/.*", "*.lock", "*.incomplete")
_TRAINING = (
    *("training_args.bin", "trainer_state.json", "optimizer.*", "scheduler.*", "scaler.pt", "rng_state*"),
    *("checkpoint-*/*", "runs/*", "logs/*", "events.out.*", "*/events.out.*", "wandb/*"),
)
_OTHER_FRAMEWORK = (
    *("*.bin", "*.safetensors", "*.h5", "*.msgpack", "*.pt", "*.pth", "*.ckpt", "*.gguf", "*.ot", "*.pkl"),
    *("*.tflite", "*.pb", "*.mlmodel", "*.mlpackage/*", "coreml/*", "openvino/*", "*.index.json"),
)

_NAMED = (
    (CARD, ("README.md", "model_card.json", "*.md")),
    (LICENCE, ("LICENSE*", "NOTICE*")),
    (PREPROCESSING, ("special_tokens_map.json", "added_tokens.json")),
    (FEATURES, ("merges.txt", "*preprocessor_config.json", "*processor_config.json")),
    (TOKENIZER, ("vocab*", "tokenizer*", "*.model", "*.jinja", "chat_template.json")),
    (CONFIGURATION, ("config.json", "generation_config.json", "*_config.json")),
    (OTHER, ("*.json", "*.txt")),
)
"""Of what a page may ask for, the first that fits."""


class FileRole(NamedTuple):
    """What a file is for.

    Attributes:
        group: One of this module's groups.
        never: Why no page asks for it, so that it is neither published nor downloaded; None for what may be asked for.
        dtype: Data type of ONNX weights in transformers.js' words: ``fp32``, ``q8``, ...; None for other files.
        part: Which part of the model ONNX weights are: ``model``, ``encoder_model``, ``decoder_model_merged``, ...
        external_data: They lie beside their ONNX file (``.onnx_data``, ``.onnx_data_1``), which is useless without.
    """

    group: str
    never: str | None = None
    dtype: str | None = None
    part: str | None = None
    external_data: bool = False


def role_of(path: str) -> FileRole:
    """Return what the file at this path of a repository is for."""
    if _fits(path, _HOUSEKEEPING):
        return FileRole(HOUSEKEEPING, HOUSEKEEPING)
    if _fits(path, _TRAINING):
        return FileRole(TRAINING, TRAINING_STATE)
    if _fits(path, _OTHER_FRAMEWORK):
        return FileRole(WEIGHTS, OTHER_FRAMEWORK)
    onnx = _ONNX.fullmatch(path)
    if onnx is not None:
        data = onnx["data"] is not None
        return FileRole(WEIGHTS, None, _DTYPES[onnx["suffix"] or ""], onnx["part"], external_data=data)
    group = next((group for group, patterns in _NAMED if _fits(path, patterns)), None)
    return FileRole(OTHER, NEEDLESS) if group is None else FileRole(group)


def onnx_path(part: str, dtype: str) -> str:
    """Return where transformers.js looks for a part of a model."""
    return f"onnx/{part}{SUFFIXES[dtype]}.onnx"


def _fits(path: str, patterns: tuple[str, ...]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in patterns)


_PROCESSOR_ALONE = frozenset(
    {
        *("audio-classification", "background-removal", "depth-estimation", "image-classification"),
        *("image-feature-extraction", "image-segmentation", "image-to-image", "object-detection"),
    }
)
_BOTH = frozenset(
    {
        *("automatic-speech-recognition", "document-question-answering", "image-to-text", "moz-image-to-text"),
        *("text-to-speech", "zero-shot-audio-classification", "zero-shot-image-classification"),
        "zero-shot-object-detection",
    }
)

_SEQ2SEQ = ("encoder_model", "decoder_model_merged")
_PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "automatic-speech-recognition": (_SEQ2SEQ, ("model",)),
    "image-to-text": (_SEQ2SEQ,),
    "moz-image-to-text": (_SEQ2SEQ,),
    "summarization": (_SEQ2SEQ,),
    "text-generation": (("model",), ("decoder_model_merged",)),
    "text-to-audio": (_SEQ2SEQ, ("model",)),
    "text-to-speech": (_SEQ2SEQ, ("model",)),
    "text2text-generation": (_SEQ2SEQ,),
    "translation": (_SEQ2SEQ,),
    "document-question-answering": (_SEQ2SEQ, ("model",)),
}
_ONE_MODEL = (("model",),)

OPTIONAL = ("generation_config.json", "added_tokens.json", "special_tokens_map.json", "chat_template.jinja")
"""What is taken where it is, and not missed where it is not."""


def needed_settings(task: str) -> tuple[str, ...]:
    """Return the files beside the weights without which a task cannot run."""
    tokenizer = ("tokenizer.json", "tokenizer_config.json")
    processor = ("preprocessor_config.json",)
    if task in _PROCESSOR_ALONE:
        return ("config.json", *processor)
    return ("config.json", *tokenizer, *(processor if task in _BOTH else ()))


def parts_of(task: str) -> tuple[tuple[str, ...], ...]:
    """Return the sets of ONNX files that serve a task: all parts of one of them are needed."""
    return _PARTS.get(task, _ONE_MODEL)


def needed_files(task: str, dtype: str, there: Collection[str] | None) -> set[str]:
    """Return the files that an engine for a task will ask for.

    Args:
        task: The task.
        dtype: The data type, one of `roles.SUFFIXES`.
        there: The paths that the repository has; None when nobody tells, and the usual names have to do.
    """
    settings = needed_settings(task)
    if there is None:
        return {*settings, *(onnx_path(part, dtype) for part in parts_of(task)[0])}
    paths = set(there)
    weights = next(
        (files for parts in parts_of(task) if (files := {onnx_path(part, dtype) for part in parts}) <= paths),
        {onnx_path(part, dtype) for part in parts_of(task)[0]},
    )
    optional = {path for path in OPTIONAL if path in paths and _is_for_texts(settings)}
    return {*settings, *weights, *_beside(weights, paths), *optional}


def _is_for_texts(settings: Iterable[str]) -> bool:
    return "tokenizer.json" in settings


def _beside(weights: Collection[str], paths: Iterable[str]) -> set[str]:
    """Return the external data of ONNX files."""
    return {path for path in paths if role_of(path).external_data and path.partition(".onnx")[0] + ".onnx" in weights}
