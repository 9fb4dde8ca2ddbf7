"""onnxruntime's ``capi``: the modules from which code written for onnxruntime imports exceptions and classes."""

from __future__ import annotations

from modelden.onnxruntime.capi import _pybind_state, onnxruntime_inference_collection, onnxruntime_pybind11_state

__all__ = ["_pybind_state", "onnxruntime_inference_collection", "onnxruntime_pybind11_state"]
