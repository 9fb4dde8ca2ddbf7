"""The installation of `modelden.onnxruntime` under the name ``onnxruntime``, for packages that import that."""

from __future__ import annotations

import sys

from modelden.errors import InputError

_PACKAGE = "modelden.onnxruntime"

_MODULES = (
    "",
    ".capi",
    ".capi.onnxruntime_pybind11_state",
    ".capi._pybind_state",
    ".capi.onnxruntime_inference_collection",
)
"""Modules that code written for onnxruntime imports."""


def install() -> None:
    """Let ``import onnxruntime`` give this module, with its ``capi``. A second call does nothing.

    The distribution ``modelden-onnxruntime`` does so by itself, when ``onnxruntime`` is imported.

    Raises:
        InputError: If onnxruntime itself was imported before.
    """
    ours = sys.modules[_PACKAGE]
    other = sys.modules.get("onnxruntime")
    if other is not None and other is not ours and hasattr(other, "InferenceSession"):
        raise InputError("onnxruntime was imported before from somewhere else; install modelden's before that import.")
    for name in _MODULES:
        sys.modules[f"onnxruntime{name}"] = sys.modules[f"{_PACKAGE}{name}"]


install.__module__ = _PACKAGE
