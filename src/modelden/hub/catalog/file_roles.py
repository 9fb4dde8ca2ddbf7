"""Roles of the files of a model's repository, by their paths. Pure; publishing and downloading use the same rules.

The groups are those of the table of file roles in Mozilla's "Models management". The suffixes of other frameworks are
those that the Hugging Face hub knows. A page downloads the files that transformers.js requests; people read the model
card.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

type DataType = str | Mapping[str, str]
"""A data type by transformers.js' name, or one for each part of a model (``utils/dtypes.js``, ``selectDtype``)."""

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
UNUSED = "nothing that a page asks for"

SUFFIXES = {
    "fp32": "",
    "fp16": "_fp16",
    "int8": "_int8",
    "uint8": "_uint8",
    "q8": "_quantized",
    "q4": "_q4",
    "q4f16": "_q4f16",
    "bnb4": "_bnb4",
    "q2": "_q2",
    "q2f16": "_q2f16",
    "q1": "_q1",
    "q1f16": "_q1f16",
}
"""Suffix of an ONNX file's name for each data type (transformers.js, ``utils/dtypes.js``)."""

AUTO = "auto"
"""The choice of the model's ``transformers.js_config``, else of the device."""

_AUTO_DTYPE = "q8"
"""transformers.js' choice for wasm, where a model's configuration has none."""

_ONNX = re.compile(
    r"(?P<folder>.*/)?(?P<part>[^/]+?)(?P<suffix>"
    + "|".join(filter(None, SUFFIXES.values()))
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

_PATTERNS = (
    (CARD, ("README.md", "model_card.json", "*.md")),
    (LICENCE, ("LICENSE*", "NOTICE*")),
    (PREPROCESSING, ("special_tokens_map.json", "added_tokens.json")),
    (FEATURES, ("merges.txt", "*preprocessor_config.json", "*processor_config.json")),
    (TOKENIZER, ("vocab*", "tokenizer*", "*.model", "*.jinja", "chat_template.json")),
    (CONFIGURATION, ("config.json", "generation_config.json", "*_config.json")),
    (OTHER, ("*.json", "*.txt")),
)
"""Groups of the files that a page may request; the first pattern that matches counts."""


class FileRole(NamedTuple):
    """The role of a file.

    Attributes:
        group: One of this module's groups.
        never: The reason why no page requests it, so that it is neither published nor downloaded; else None.
        dtype: Data type of ONNX weights in transformers.js' terms: ``fp32``, ``q8``, ...; None for other files.
        part: The part of the model that ONNX weights are: ``model``, ``encoder_model``, ``decoder_model_merged``, ...
        external_data: The weights are beside their ONNX file (``.onnx_data``, ``.onnx_data_1``), which needs them.
    """

    group: str
    never: str | None = None
    dtype: str | None = None
    part: str | None = None
    external_data: bool = False


FileRole.__module__ = "modelden"


def role_of(path: str) -> FileRole:
    """Return the role of the file at this path of a repository."""
    if _matches(path, _HOUSEKEEPING):
        return FileRole(HOUSEKEEPING, HOUSEKEEPING)
    if _matches(path, _TRAINING):
        return FileRole(TRAINING, TRAINING_STATE)
    if _matches(path, _OTHER_FRAMEWORK):
        return FileRole(WEIGHTS, OTHER_FRAMEWORK)
    onnx = _ONNX.fullmatch(path)
    if onnx is not None:
        data = onnx["data"] is not None
        return FileRole(WEIGHTS, None, _DTYPES[onnx["suffix"] or ""], onnx["part"], external_data=data)
    group = next((group for group, patterns in _PATTERNS if _matches(path, patterns)), None)
    return FileRole(OTHER, UNUSED) if group is None else FileRole(group)


class WeightsPlace(NamedTuple):
    """The place of a model's ONNX files, by the options of transformers.js.

    Attributes:
        subfolder: Their folder; empty for the repository's root.
        model_file_name: Name of the part ``model``; None for ``model``.
    """

    subfolder: str | None = None
    model_file_name: str | None = None

    def path(self, part: str, dtype: str) -> str:
        """Return the path at which transformers.js looks for a part of a model."""
        folder = "onnx" if self.subfolder is None else self.subfolder
        return f"{folder}/{self._name(part)}{SUFFIXES[dtype]}.onnx".lstrip("/")

    def typed_path(self, part: str, dtype: DataType) -> str:
        """Return the path of a part in its data type, which a mapping has by the file's name."""
        return self.path(part, dtype_of_part(dtype, self._name(part)))

    def _name(self, part: str) -> str:
        return self.model_file_name if part == "model" and self.model_file_name is not None else part


USUAL_PLACE = WeightsPlace()


def dtype_of_part(dtype: DataType, part: str) -> str:
    """Return the expected data type of a part, one of `SUFFIXES`."""
    named = dtype if isinstance(dtype, str) else dtype.get(part, AUTO)
    return _AUTO_DTYPE if named == AUTO else named


def may_use(dtype: DataType, role: FileRole) -> bool:
    """Tell whether an engine of a data type may use a file; another engine may have stored it."""
    if role.dtype is None or role.part is None:
        return True
    named = dtype if isinstance(dtype, str) else dtype.get(role.part, AUTO)
    return named in (AUTO, role.dtype)


def dtype_text(dtype: DataType | None) -> str | None:
    """Return a data type for people: ``q8``, or ``encoder_model fp32, decoder_model_merged q4``."""
    if dtype is None or isinstance(dtype, str):
        return dtype
    return ", ".join(f"{part} {name}" for part, name in dtype.items())


def onnx_path(part: str, dtype: str) -> str:
    """Return the path at which transformers.js looks for a part of a model, if no option names another place."""
    return USUAL_PLACE.path(part, dtype)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in patterns)


_PROCESSOR_TASKS = frozenset(
    {
        *("audio-classification", "background-removal", "depth-estimation", "image-classification"),
        *("image-feature-extraction", "image-segmentation", "image-to-image", "object-detection"),
    }
)
_TOKENIZER_AND_PROCESSOR_TASKS = frozenset(
    {
        *("automatic-speech-recognition", "document-question-answering", "image-to-text", "moz-image-to-text"),
        *("text-to-speech", "zero-shot-audio-classification", "zero-shot-image-classification"),
        "zero-shot-object-detection",
    }
)

_SEQ2SEQ = ("encoder_model", "decoder_model_merged")
_PARTS_BY_TASK: dict[str, tuple[tuple[str, ...], ...]] = {
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
_SINGLE_PART = (("model",),)

OPTIONAL = ("generation_config.json", "added_tokens.json", "special_tokens_map.json", "chat_template.jinja")
"""Files that are downloaded if the repository has them; a model without them works too."""


def needed_settings(task: str) -> tuple[str, ...]:
    """Return the files that a task needs besides the weights."""
    tokenizer = ("tokenizer.json", "tokenizer_config.json")
    processor = ("preprocessor_config.json",)
    if task in _PROCESSOR_TASKS:
        return ("config.json", *processor)
    return ("config.json", *tokenizer, *(processor if task in _TOKENIZER_AND_PROCESSOR_TASKS else ()))


def model_parts(task: str) -> tuple[tuple[str, ...], ...]:
    """Return the sets of ONNX files that serve a task; a model needs all parts of one set."""
    return _PARTS_BY_TASK.get(task, _SINGLE_PART)


def needed_files(
    task: str, dtype: DataType, available: Collection[str] | None, place: WeightsPlace = USUAL_PLACE
) -> set[str]:
    """Return the files that an engine for a task will request.

    Args:
        task: The task.
        dtype: The data type, or that of each part. A part that is named is needed if the repository has it, beside
            the task's usual ones.
        available: The paths in the repository; None when unknown, then the usual names are returned.
        place: The place of the ONNX files.
    """
    settings = needed_settings(task)
    usual, *others = [{place.typed_path(part, dtype) for part in parts} for parts in model_parts(task)]
    if available is None:
        return {*settings, *usual}
    paths = set(available)
    weights = next((files for files in (usual, *others) if files <= paths), usual)
    if not isinstance(dtype, str):
        weights |= {place.path(part, dtype_of_part(dtype, part)) for part in dtype} & paths
    optional = {path for path in OPTIONAL if path in paths and "tokenizer.json" in settings}
    return {*settings, *weights, *_external_data(weights, paths), *optional}


def _external_data(weights: Collection[str], paths: Iterable[str]) -> set[str]:
    """Return the paths of the external data of these ONNX files."""
    return {path for path in paths if role_of(path).external_data and path.partition(".onnx")[0] + ".onnx" in weights}
