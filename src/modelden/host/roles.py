"""What each file of a model repository is for, by its name. Pure.

Source: the table of file roles in Mozilla's "Models management"; extensions of other frameworks as the Hugging Face
hub knows them. Users of a page need what transformers.js asks for, and people read the model card.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

OTHER_WEIGHTS = "weights of another framework"
TRAINING = "training state"
HOUSEKEEPING = "housekeeping of the repository"
NEEDLESS = "nothing that a page asks for"

_LEFT_OUT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (HOUSEKEEPING, (".*", "*/.*", "*.lock", "*.incomplete")),
    (
        TRAINING,
        (
            *("training_args.bin", "trainer_state.json", "optimizer.*", "scheduler.*", "scaler.pt", "rng_state*"),
            *("checkpoint-*/*", "runs/*", "logs/*", "events.out.*", "*/events.out.*", "wandb/*"),
        ),
    ),
    (
        OTHER_WEIGHTS,
        (
            *("*.bin", "*.safetensors", "*.h5", "*.msgpack", "*.pt", "*.pth", "*.ckpt", "*.gguf", "*.ot", "*.pkl"),
            *("*.tflite", "*.pb", "*.mlmodel", "*.mlpackage/*", "coreml/*", "openvino/*", "*.index.json"),
        ),
    ),
)

_KEPT = (
    *("*.json", "*.txt", "*.model", "*.jinja", "*.md", "LICENSE*", "NOTICE*"),
    *("onnx/*.onnx", "onnx/*.onnx_data*", "*.onnx", "*.onnx_data*"),
)

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
    r"onnx/(?P<part>.+?)(?P<suffix>" + "|".join(each for each in SUFFIXES.values() if each) + r")?\.onnx"
)


@dataclass(frozen=True, slots=True)
class OnnxName:
    """The name of an ONNX file, taken apart.

    Attributes:
        part: Which part of the model: ``model``, ``encoder_model``, ...
        dtype: The data type of its weights.
    """

    part: str
    dtype: str


def reason_to_leave_out(path: str) -> str | None:
    """Why a file is not published, or None if it is."""
    name = path.rpartition("/")[2]
    for reason, patterns in _LEFT_OUT:
        if any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in patterns):
            return reason
    return None if any(fnmatchcase(path, pattern) for pattern in _KEPT) else NEEDLESS


def onnx_name(path: str) -> OnnxName | None:
    """The parts of an ONNX file's name; None for other files and other folders than ``onnx``."""
    match = _ONNX.fullmatch(path)
    if match is None:
        return None
    suffix = match["suffix"] or ""
    return OnnxName(match["part"], next(dtype for dtype, each in SUFFIXES.items() if each == suffix))
