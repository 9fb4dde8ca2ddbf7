"""Checks of single options, with the messages of Firefox's ``PipelineOptionsValidationError``. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from modelden.engine.option_values import BACKENDS, ENUMS, FEATURES, RANGES, TEST_BACKEND, TEST_FEATURE
from modelden.errors import InvalidOption

_WIRE_NAMES = {"timeout_ms": "timeoutMS", "base_url": "baseURL"}
"""Names that are no plain camel case."""

# \Z, for Python's $ also matches before a final newline.
_TASK = re.compile(r"[a-zA-Z0-9_-]+\Z")
_ID = re.compile(r"(?:[a-zA-Z0-9_.:-]+/)?[a-zA-Z0-9_.:-]+\Z")
_REVISION = re.compile(r"(?:v?\d+(?:\.\d+){0,2}(?:[-.](?:alpha\d*|beta\d*|pre\d*|post\d*|rc\d*))?|main)\Z", re.ASCII)
_FILE = re.compile(r"/?(?!/)[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*\Z")

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
)
"""Options that are strings. Firefox takes any value that looks right as a string, and keeps it."""


def wire_name(name: str) -> str:
    """Return Firefox's name of an option: ``modelId`` for ``model_id``."""
    if name in _WIRE_NAMES:
        return _WIRE_NAMES[name]
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def check_option(name: str, value: Any, *, own_features: bool) -> None:
    """Return if an option may have this value.

    Args:
        name: Its name in Python.
        value: Anything but None.
        own_features: Features that Firefox does not have are admitted.

    Raises:
        InvalidOption: If not, in Firefox's words.
    """
    if name in _TEXTS and not isinstance(value, str):
        raise _invalid(name, value, "Should be a string.")
    if name in RANGES:
        _check_range(name, value)
    elif name in ENUMS:
        if value not in ENUMS[name]:
            raise _invalid(name, value)
    elif name == "feature_id":
        _check_feature(name, value, own_features=own_features)
    elif name == "backend":
        if value not in (*BACKENDS, TEST_BACKEND):
            raise _invalid(name, value, f"Should be one of {', '.join(BACKENDS)}")
    elif name in _PATTERNS:
        fits, tip = _PATTERNS[name]
        if not fits(value):
            raise _invalid(name, value, tip)


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
    integer = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    if not integer or not low <= value <= high:
        raise _invalid(name, value, f"Should be an integer between {low} and {high}.")


def _fits_id(value: str) -> bool:
    return bool(_ID.match(value)) and not {".", ".."} & set(value.split("/"))


def _fits_file(value: str) -> bool:
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
    **dict.fromkeys(("model_id", "tokenizer_id", "processor_id"), (_fits_id, _ID_TIP)),
    **dict.fromkeys(("model_revision", "tokenizer_revision", "processor_revision"), (_REVISION.match, _REVISION_TIP)),
    "model_file": (_fits_file, "Should be of the form filename.extension"),
}
"""Options whose text has a form: what tells that it fits, and the tip when it does not."""


def _invalid(name: str, value: Any, tip: str = "") -> InvalidOption:
    return InvalidOption(wire_name(name), value, _js_text(value), tip)


def _js_text(value: Any) -> str:
    """Return a value as JavaScript puts it into a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)
