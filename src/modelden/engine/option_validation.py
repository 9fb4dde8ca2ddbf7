"""Validation of single options, with the messages of Firefox's ``PipelineOptionsValidationError``. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from modelden.core.arguments import is_json, is_unicode, show
from modelden.errors import InvalidOption
from modelden.hub.catalog.names import is_mozilla, is_path

DEFAULT_ENGINE_ID = "default-engine"
"""The engine's name when neither the caller nor the feature has one."""

FEATURES: dict[str, str] = {
    "pdfjs-alt-text": "pdfjs",
    "suggest-intent-classification": "ml-suggest-intent",
    "suggest-NER": "ml-suggest-ner",
    "about-inference": "about-inference",
    "smart-tab-embedding": "smart-tab-embedding-engine",
    "smart-tab-topic": "smart-tab-topic-engine",
    "formfill-classification": "formfill-classification-engine",
    "simple-text-embedder": "simple-text-embedder-engine",
    "link-preview": "link-preview",
    "smart-intent": "smart-intent",
    "chat": "smart-openai",
    "title-generation": "title-generation-engine",
    "conversation-suggestions-sidebar-starter": "smart-openai",
    "conversation-suggestions-followup": "smart-openai",
    "memories-initial-generation-system": "smart-openai-memories-generation",
    "memories-message-classification-system": "smart-openai-memories-usage",
    "llm-telemetry": "llm-telemetry-engine",
}
"""Firefox's features, with their engines' names (``FEATURES``)."""

TEST_FEATURE = "test-feature"
"""A feature that Firefox accepts beside its own, without an engine's name."""

BACKENDS = (
    "onnx",
    "wllama",
    "onnx-native",
    "llama.cpp",
    "best-llama",
    "best-onnx",
    "openai",
    "static-embeddings",
)
"""The backends of Firefox (``BACKENDS``)."""

TEST_BACKEND = "test-backend"
"""A backend that Firefox accepts beside its own."""

MODEL_HUBS: dict[str, dict[str, str]] = {
    "huggingface": {
        "model_hub_root_url": "https://huggingface.co/",
        "model_hub_url_template": "{model}/resolve/{revision}",
        "model_revision": "main",
    },
    "mozilla": {
        "model_hub_root_url": "https://model-hub.mozilla.org/",
        "model_hub_url_template": "{model}/{revision}",
        "model_revision": "main",
    },
}
"""The options that the name of a hub stands for (``ModelHub.apply``)."""

ENUMS: dict[str, tuple[str, ...]] = {
    "model_hub": tuple(MODEL_HUBS),
    "dtype": (
        *("fp32", "fp16", "fp8_e5m2", "fp8_e4m3", "q8", "int8", "uint8", "q4", "bnb4", "q4f16"),
        *("auto", "q2", "q2f16", "q1", "q1f16"),  # transformers.js' alone
    ),
    # "auto" is ours: the GPU where there is one. WebNN's devices are transformers.js'.
    "device": ("gpu", "wasm", "cpu", "auto", "webnn", "webnn-gpu", "webnn-npu", "webnn-cpu"),
    "execution_priority": ("HIGH", "NORMAL", "LOW"),
    "log_level": ("Trace", "Info", "Debug", "Warn", "Error", "Critical", "All"),
    "kv_cache_dtype": ("q8_0", "q4_0", "q4_1", "q5_1", "q5_0", "f16", "f32"),
}
"""The values of options that have a fixed set."""

PER_PART = ("dtype", "device")
"""Options that may be a mapping of a model's parts to values (transformers.js, ``selectDtype``, ``selectDevice``)."""

RANGES: dict[str, tuple[int, int]] = {
    "timeout_ms": (-1, 36_000_000),
    "num_threads": (0, 100),
    "num_threads_decoding": (0, 100),
    "num_context": (1, 10_000_000),
    "num_batch": (1, 10_000_000),
    "num_ubatch": (1, 10_000_000),
}
"""The smallest and the largest value of options that are integers."""

OVERRIDABLE = (
    "dtype",
    "log_level",
    "model_revision",
    "num_threads",
    "processor_revision",
    "timeout_ms",
    "tokenizer_revision",
)
"""Options that a configuration may override (``MLEngineChild.sys.mjs``, ``SAFE_OVERRIDE_OPTIONS``)."""

OWN_OPTIONS = ("subfolder", "model_file_name")
"""Options of transformers.js that Firefox does not have."""

NOT_IDENTITY = frozenset({"engine_id", "feature_id", "flow_id", "log_level", "timeout_ms", "service_type", "purpose"})
"""Options in which equivalent engines may differ (``PipelineOptions.#nonIdentityKeys``)."""


_WIRE_NAMES = {"timeout_ms": "timeoutMS", "base_url": "baseURL"}
"""Firefox's names that are not the camel case of ours."""

# \Z, for Python's $ also matches before a final newline.
_TASK = re.compile(r"[a-zA-Z0-9_-]+\Z")
_ID = re.compile(r"(?:[a-zA-Z0-9_.:-]+/)?[a-zA-Z0-9_.:-]+\Z")
_REVISION = re.compile(r"(?:v?\d+(?:\.\d+){0,2}(?:[-.](?:alpha\d*|beta\d*|pre\d*|post\d*|rc\d*))?|main)\Z", re.ASCII)
_MODEL_PART = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FILE = re.compile(r"/?(?!/)[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*\Z")

_REVISIONS = ("model_revision", "tokenizer_revision", "processor_revision")

_TEXTS = (
    "engine_id",
    "feature_id",
    "task_name",
    "model_hub_root_url",
    "model_hub_url_template",
    "model_id",
    "model_revision",
    "flow_id",
    "tokenizer_id",
    "tokenizer_revision",
    "processor_id",
    "processor_revision",
    "runtime_filename",
    "model_file",
    "base_url",
    "api_key",
    "service_type",
    "purpose",
    "subfolder",
    "model_file_name",
)
"""Options that are strings. Firefox also accepts a value of another type whose text is valid."""


_DATA = (
    *("static_embeddings_options", "extra_headers", "use_external_data_format"),
    *("flash_attn", "use_mmap", "use_mlock"),
)
"""Options of any form. They are stored with the engine's plan."""


def wire_name(name: str) -> str:
    """Return Firefox's name of an option: ``modelId`` for ``model_id``."""
    if name in _WIRE_NAMES:
        return _WIRE_NAMES[name]
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def check_options(values: Mapping[str, Any], *, own_features: bool, hub_root_url: str | None) -> None:
    """Return if all values of options are valid.

    Args:
        values: The values by the options' names in Python; none is None.
        own_features: Accept features that Firefox does not have.
        hub_root_url: Root of the hub; None for Mozilla's. On others a revision may have any name.

    Raises:
        InvalidOption: For the first value that is not valid, in Firefox's words.
    """
    for name, value in values.items():
        if name in _DATA and not isinstance(value, bool | int) and not is_json(value):
            raise _invalid(name, value, "Should be JSON data.")
        if name in _TEXTS and not (isinstance(value, str) and (value.isascii() or is_unicode(value))):
            raise _invalid(name, value, "Should be a string.")
        if name in _REVISIONS and not _REVISION.match(value) and not _is_mozilla(hub_root_url):
            if not is_path(value):
                raise _invalid(name, value, "Should be a branch, a tag or a commit.")
            continue
        _check_option(name, value, own_features=own_features)


def _check_option(name: str, value: Any, *, own_features: bool) -> None:
    if name in RANGES:
        _check_range(name, value)
    elif name in ENUMS:
        _check_enum(name, value)
    elif name == "feature_id":
        _check_feature(name, value, own_features=own_features)
    elif name == "backend":
        if not isinstance(value, str) or value not in (*BACKENDS, TEST_BACKEND):
            raise _invalid(name, value, f"Should be one of {', '.join(BACKENDS)}")
    elif name in _PATTERNS:
        is_valid, tip = _PATTERNS[name]
        if not is_valid(value):
            raise _invalid(name, value, tip)


def _check_enum(name: str, value: Any) -> None:
    """Check a value of a fixed set, or one for each part of a model, by the name of its ONNX file without suffix."""
    if name not in PER_PART or not isinstance(value, Mapping):
        if not isinstance(value, str) or value not in ENUMS[name]:
            raise _invalid(name, value)
        return
    if not value or not all(isinstance(part, str) and _MODEL_PART.fullmatch(part) for part in value):
        raise _invalid(name, value, "Should name parts of the model, such as encoder_model and decoder_model_merged.")
    for part, each in value.items():
        if not isinstance(each, str) or each not in ENUMS[name]:
            raise _invalid(f"{name}.{part}", each)


def _check_feature(name: str, value: str, *, own_features: bool) -> None:
    if value in FEATURES or value == TEST_FEATURE:
        return
    if not own_features:
        raise _invalid(name, value, f"Should be one of {', '.join(FEATURES)}")
    if not value:
        raise _invalid(name, value, "Should not be empty.")


def _check_range(name: str, value: Any) -> None:
    low, high = RANGES[name]
    # JavaScript's Number.isInteger: 2.0 is an integer, true is not.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_integer = is_number and (isinstance(value, int) or value.is_integer())
    if not is_integer or not low <= value <= high:
        raise _invalid(name, value, f"Should be an integer between {low} and {high}.")


def _is_mozilla(hub_root_url: str | None) -> bool:
    try:
        return hub_root_url is None or is_mozilla(hub_root_url)
    except ValueError:  # it is refused for itself
        return True


def _is_id(value: str) -> bool:
    return bool(_ID.match(value)) and not {".", ".."} & set(value.split("/"))


def _is_file(value: str) -> bool:
    return bool(_FILE.match(value)) and ".." not in value.split("/")


_ID_TIP = (
    "Should follow the format 'organization/name' or 'name', where both parts contain only alphanumeric characters, "
    "underscores, dots or dashes."
)
_REVISION_TIP = (
    "Should be 'main' or follow a versioning pattern like 'v1.0.0', '1.0.0-beta1', '1.0.0.alpha2', '1.0.0.rc1', etc."
)

_PATTERNS: dict[str, tuple[Callable[[str], object], str]] = {
    "task_name": (_TASK.match, "Should contain only alphanumeric characters, underscores, or dashes."),
    **dict.fromkeys(("model_id", "tokenizer_id", "processor_id"), (_is_id, _ID_TIP)),
    **dict.fromkeys(_REVISIONS, (_REVISION.match, _REVISION_TIP)),
    "model_file": (_is_file, "Should be of the form filename.extension"),
    "subfolder": (lambda value: not value or is_path(value), "Should be the path of a folder, or '' for the root."),
    "model_file_name": (is_path, "Should be a file's name without its data type and '.onnx', such as 'model'."),
}
"""The predicate and the tip for options whose text has a form."""


def _invalid(name: str, value: Any, tip: str = "") -> InvalidOption:
    return InvalidOption(wire_name(name), value, _js_text(value), tip)


def _js_text(value: Any) -> str:
    """Return a value as JavaScript writes it into a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() else str(value)
    return value if isinstance(value, str) and len(value) < 200 else show(value)
