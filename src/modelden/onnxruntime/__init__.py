"""Raw ONNX models with onnxruntime's Python names, run by onnxruntime-web in a worker.

    from modelden import onnxruntime

    session = onnxruntime.InferenceSession(model_bytes)              # where the browser can suspend Python
    session = await onnxruntime.InferenceSession.create(model_bytes) # everywhere
    [y] = session.run(None, {"x": x})
    [y] = await session.run_async(None, {"x": x})

Inputs are NumPy arrays, lists or `modelden.Tensor`. Outputs are NumPy arrays if NumPy is installed, else
`modelden.Tensor`. Names, values and messages are onnxruntime's. An option that a browser cannot honour warns once, by
its name. On CPython use onnxruntime itself.

`install` lets ``import onnxruntime`` give this module. Modules: `installation`, `inference_session` (runs), `feeds`,
`session`, `opening`, `io_binding`, `ort_value`, `devices`, `profile`, `environment` (functions), `capi`.
"""

from __future__ import annotations

from modelden.engine.onnx import ModelMetadata, NodeArg
from modelden.engine.onnx_enums import (
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    OrtAllocatorType,
    OrtDeviceMemoryType,
    OrtDeviceVendorId,
    OrtExecutionProviderDevicePolicy,
    OrtHardwareDeviceType,
    OrtMemoryInfoDeviceType,
    OrtMemType,
    OrtSparseFormat,
)
from modelden.engine.onnx_options import SessionOptions
from modelden.engine.onnx_run_options import RunOptions
from modelden.onnxruntime import capi as capi
from modelden.onnxruntime.devices import OrtDevice, OrtMemoryInfo
from modelden.onnxruntime.environment import (
    VERSION,
    copy_tensors,
    disable_telemetry_events,
    enable_telemetry_events,
    get_all_providers,
    get_available_providers,
    get_build_info,
    get_device,
    get_ep_devices,
    get_version_string,
    has_collective_ops,
    preload_dlls,
    set_default_logger_callback,
    set_default_logger_severity,
    set_default_logger_verbosity,
    set_global_thread_pool_sizes,
    set_seed,
)
from modelden.onnxruntime.inference_session import InferenceSession
from modelden.onnxruntime.installation import install
from modelden.onnxruntime.io_binding import IOBinding
from modelden.onnxruntime.ort_value import OrtValue

__version__ = version = VERSION
package_name = "onnxruntime"
cuda_version = ""

__all__ = [
    "ExecutionMode",
    "ExecutionOrder",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "OrtAllocatorType",
    "OrtDevice",
    "OrtDeviceMemoryType",
    "OrtDeviceVendorId",
    "OrtExecutionProviderDevicePolicy",
    "OrtHardwareDeviceType",
    "OrtMemType",
    "OrtMemoryInfo",
    "OrtMemoryInfoDeviceType",
    "OrtSparseFormat",
    "OrtValue",
    "RunOptions",
    "SessionOptions",
    "copy_tensors",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_ep_devices",
    "get_version_string",
    "has_collective_ops",
    "install",
    "preload_dlls",
    "set_default_logger_callback",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_global_thread_pool_sizes",
    "set_seed",
]
