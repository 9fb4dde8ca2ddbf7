"""What the files of a model's repository are for, by their names. Pure.

The groups are those of the documented system: weights, configuration, tokenizer, preprocessing, training metadata,
model card, tokenization and feature extraction. The platform runs ``onnx/*``; weights of other frameworks and the state
of a training are never downloaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WEIGHTS = "weights"
CONFIGURATION = "configuration"
TOKENIZER = "tokenizer"
PREPROCESSING = "preprocessing"
TRAINING = "training metadata"
CARD = "model card"
FEATURES = "tokenization and feature extraction"
OTHER = "other"

_ROLES = {
    "pytorch_model.bin": WEIGHTS,
    "tf_model.h5": WEIGHTS,
    "flax_model.msgpack": WEIGHTS,
    "model.safetensors": WEIGHTS,
    "config.json": CONFIGURATION,
    "generation_config.json": CONFIGURATION,
    "vocab.txt": TOKENIZER,
    "vocab.json": TOKENIZER,
    "tokenizer.json": TOKENIZER,
    "tokenizer_config.json": TOKENIZER,
    "tokenizer.model": TOKENIZER,
    "sentencepiece.bpe.model": TOKENIZER,
    "spiece.model": TOKENIZER,
    "chat_template.jinja": TOKENIZER,
    "special_tokens_map.json": PREPROCESSING,
    "added_tokens.json": PREPROCESSING,
    "training_args.bin": TRAINING,
    "trainer_state.json": TRAINING,
    "optimizer.pt": TRAINING,
    "scheduler.pt": TRAINING,
    "README.md": CARD,
    "model_card.json": CARD,
    "merges.txt": FEATURES,
    "preprocessor_config.json": FEATURES,
    "processor_config.json": FEATURES,
    "image_processor_config.json": FEATURES,
}

_WEIGHTS_SUFFIX = re.compile(r"\.(?:safetensors|h5|msgpack|bin|pt|pth|ckpt|gguf|tflite|onnx(?:_data(?:_\d+)?)?)\Z")
_TRAINING = re.compile(r"(?:optimizer|scheduler|rng_state(?:_\d+)?|training_args|scaler)\.(?:pt|pth|bin)\Z")

_SUFFIXES = {
    "": "fp32",
    "fp16": "fp16",
    "quantized": "q8",
    "int8": "int8",
    "uint8": "uint8",
    "q4": "q4",
    "bnb4": "bnb4",
    "q4f16": "q4f16",
}
"""The data type by what transformers.js puts behind a file's name (``utils/dtypes.js``)."""

_ONNX = re.compile(
    r"(?:.*/)?(?P<name>[A-Za-z0-9_.-]+?)(?:_(?P<suffix>fp16|quantized|int8|uint8|q4f16|q4|bnb4))?"
    r"\.onnx(?P<data>_data(?:_\d+)?)?\Z"
)


@dataclass(frozen=True, slots=True)
class FileRole:
    """What a file is for.

    Attributes:
        group: One of this module's groups.
        runs_here: It may be asked for: ONNX, and what goes with it. False for what only other frameworks or a training
            need.
        dtype: Data type of ONNX weights, in transformers.js' words: ``fp32``, ``q8``, ...; else None.
        part: The part of the model that ONNX weights are: ``model``, ``encoder_model``, ``decoder_model_merged``, ...
        external_data: They are the data beside an ONNX file (``.onnx_data``), not the file itself.
    """

    group: str
    runs_here: bool
    dtype: str | None = None
    part: str | None = None
    external_data: bool = False


def role(path: str) -> FileRole:
    """Tell what the file at this path of a repository is for."""
    name = path.rpartition("/")[2]
    onnx = _ONNX.fullmatch(path)
    if onnx is not None:
        dtype = _SUFFIXES[onnx["suffix"] or ""]
        return FileRole(WEIGHTS, runs_here=True, dtype=dtype, part=onnx["name"], external_data=bool(onnx["data"]))
    if _TRAINING.fullmatch(name):
        return FileRole(TRAINING, runs_here=False)
    group = _ROLES.get(name)
    if group is None:
        group = WEIGHTS if _WEIGHTS_SUFFIX.search(name) else OTHER
    return FileRole(group, runs_here=group not in (WEIGHTS, TRAINING, OTHER))
