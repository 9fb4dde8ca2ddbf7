"""The names of `onnxruntime_pybind11_state`, by the module that loads the native one in onnxruntime."""

from __future__ import annotations

from modelden.onnxruntime.capi.onnxruntime_pybind11_state import *  # noqa: F403  all of them, as in onnxruntime
from modelden.onnxruntime.capi.onnxruntime_pybind11_state import __all__  # noqa: F401  the same
