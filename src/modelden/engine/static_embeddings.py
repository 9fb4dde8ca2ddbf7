"""Static embeddings: a table of token vectors in place of a model. Pure.

Source: Firefox ``StaticEmbeddingsPipeline.mjs`` (files and options) and ``EmbeddingsGenerator.sys.mjs`` (defaults).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelden.core.arguments import show
from modelden.errors import InputError

STATIC_EMBEDDINGS = "static-embeddings"
"""Name of the backend, and of Firefox's task."""

STATIC_DTYPES = ("fp32", "fp16", "fp8_e5m2", "fp8_e4m3")
"""Data types of tables."""

MAX_DIMENSIONS = 8192
"""Largest number of dimensions; Firefox's tables have 32 to 512."""

DEFAULTS: Mapping[str, Any] = {
    "subfolder": "models/minishlab/potion-retrieval-32M",
    "dtype": "fp16",
    "dimensions": 512,
    "compression": True,
}
"""Options of Firefox's semantic history, in the repository ``mozilla/static-embeddings``."""

_FOLDER = re.compile(r"(?:[\w.-]+(?:/[\w.-]+)*)?", re.ASCII)


def static_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return Firefox's ``staticEmbeddingsOptions``, with its defaults for those that are missing.

    Raises:
        InputError: For an unknown option, or another value.
    """
    values = {**DEFAULTS, **(options or {})}
    if unknown := sorted(map(str, set(values) - set(DEFAULTS))):
        raise InputError(f"static_embeddings_options: there is no {', '.join(unknown)}; it has {', '.join(DEFAULTS)}.")
    subfolder, dtype, dimensions = values["subfolder"], values["dtype"], values["dimensions"]
    if not isinstance(subfolder, str) or not _FOLDER.fullmatch(subfolder) or ".." in subfolder.split("/"):
        raise InputError(f"static_embeddings_options: expected a folder's path as subfolder, got {show(subfolder)}.")
    if not isinstance(dtype, str) or dtype not in STATIC_DTYPES:
        raise InputError(
            f"static_embeddings_options: expected one of {', '.join(STATIC_DTYPES)} as dtype, got {show(dtype)}."
        )
    is_whole = (
        isinstance(dimensions, int | float) and not isinstance(dimensions, bool) and dimensions == int(dimensions)
    )
    if not is_whole or not 0 < dimensions <= MAX_DIMENSIONS:
        raise InputError(
            f"static_embeddings_options: expected 1 to {MAX_DIMENSIONS} dimensions (Firefox's tables have 32, 64, 128, "
            f"256 or 512), got {show(dimensions)}."
        )
    if not isinstance(values["compression"], bool):
        raise InputError(
            f"static_embeddings_options: expected True or False as compression, got {show(values['compression'])}."
        )
    return {**values, "dimensions": int(dimensions)}


def static_files(options: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return the paths of the tokenizer and the table in the repository; errors as `static_options`."""
    values = static_options(options)
    folder, ending = f"{values['subfolder']}/" if values["subfolder"] else "", ".zst" if values["compression"] else ""
    return (
        f"{folder}tokenizer.json{ending}",
        f"{folder}{values['dtype']}.d{values['dimensions']}.npy{ending}",
    )
