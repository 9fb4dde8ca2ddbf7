"""Classes that onnxruntime writes in Python, by the module that has them there."""

from __future__ import annotations

from modelden.engine.onnx_enums import OrtDeviceVendorId
from modelden.onnxruntime.devices import OrtDevice
from modelden.onnxruntime.environment import copy_tensors
from modelden.onnxruntime.inference_session import InferenceSession
from modelden.onnxruntime.io_binding import IOBinding
from modelden.onnxruntime.ort_value import OrtValue
from modelden.onnxruntime.session import Session

__all__ = ["IOBinding", "InferenceSession", "OrtDevice", "OrtDeviceVendorId", "OrtValue", "Session", "copy_tensors"]
