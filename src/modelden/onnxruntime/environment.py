"""The functions of onnxruntime's Python module: versions, providers, logging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelden.core.arguments import check_callback, show
from modelden.engine.onnx_errors import InvalidState, InvalidType
from modelden.engine.onnx_fields import integer, warn_unsupported
from modelden.engine.onnx_options import default_logger
from modelden.engine.onnx_providers import PROVIDERS
from modelden.onnxruntime.ort_value import OrtValue

VERSION = "1.22.0"
"""The oldest onnxruntime-web that a worker runs, so that a caller who asks for a minimum gets it with each runtime."""

_SEVERITIES = range(5)


def get_available_providers() -> list[str]:
    """Return the available execution providers."""
    return list(PROVIDERS)


def get_all_providers() -> list[str]:
    """Return all execution providers that modelden has."""
    return list(PROVIDERS)


def get_device() -> str:
    """Return the default device of models."""
    return "CPU"


def get_version_string() -> str:
    """Return the oldest version of onnxruntime that a worker runs; `InferenceSession.info` has the actual one."""
    return VERSION


def get_build_info() -> str:
    """Return a description of the build."""
    return f"ORT Build Info: modelden, onnxruntime-web {VERSION} or newer, build type=Release"


def has_collective_ops() -> bool:
    """Return False: a browser has no collective operators."""
    return False


def get_ep_devices() -> list[Any]:
    """Return an empty list: a browser has no libraries of execution providers."""
    return []


def set_default_logger_severity(severity: int) -> None:
    """Set the severity of messages of sessions that set none.

    Args:
        severity: 0 verbose, 1 information, 2 warning, 3 error, 4 fatal.

    Raises:
        InputError: For another number.
    """
    if _integer("severity", severity) not in _SEVERITIES:
        raise InvalidState("Invalid logging severity. 0:Verbose, 1:Info, 2:Warning, 3:Error, 4:Fatal")
    default_logger.severity = severity


def set_default_logger_verbosity(verbosity: int) -> None:
    """Warn: sessions of onnxruntime-web have a verbosity of their own.

    Raises:
        InputError: If it is no integer.
    """
    _integer("verbosity", verbosity)
    warn_unsupported("set_default_logger_verbosity", "set SessionOptions.log_verbosity_level instead")


def set_default_logger_callback(callback: Callable[..., Any] | None, severity: int = 2) -> None:
    """Warn: onnxruntime-web writes its messages to the browser's console.

    Raises:
        InputError: If the callback is no function, or the severity no integer.
    """
    check_callback("callback", callback)
    _integer("severity", severity)
    if callback is not None:
        warn_unsupported("set_default_logger_callback", "onnxruntime-web writes to the browser's console")


def set_seed(seed: int) -> None:
    """Warn: onnxruntime-web has no seed for its random operators.

    Raises:
        InputError: If it is no integer.
    """
    _integer("seed", seed)
    warn_unsupported("set_seed", "onnxruntime-web has no seed for random operators")


def set_global_thread_pool_sizes(intra_op_num_threads: int = 0, inter_op_num_threads: int = 0) -> None:
    """Warn: each worker has threads of its own, for all of its sessions.

    Raises:
        InputError: If they are no integers.
    """
    _integer("intra_op_num_threads", intra_op_num_threads)
    _integer("inter_op_num_threads", inter_op_num_threads)
    warn_unsupported("set_global_thread_pool_sizes", "each worker has threads of its own, for all of its sessions")


def enable_telemetry_events() -> None:
    """Return at once: nothing leaves the device."""


def disable_telemetry_events() -> None:
    """Return at once: nothing leaves the device."""


def preload_dlls(
    cuda: bool = True,  # noqa: FBT001, FBT002  onnxruntime's
    cudnn: bool = True,  # noqa: FBT001, FBT002  the same
    msvc: bool = True,  # noqa: FBT001, FBT002  the same
    directory: Any = None,
) -> None:
    """Return at once: a browser loads no native library."""


def copy_tensors(src: Sequence[OrtValue], dst: Sequence[OrtValue], stream: Any = None) -> None:  # noqa: ARG001  onnxruntime's
    """Copy values into others of the same sizes.

    Args:
        src: The sources.
        dst: The targets.
        stream: Not used in a browser.

    Raises:
        InputError: If they are no lists of `OrtValue`, or have other sizes.
    """
    for values in (src, dst):
        if not isinstance(values, list | tuple) or not all(isinstance(value, OrtValue) for value in values):
            raise InvalidType(f"Expected two lists of OrtValue, got {show(values)}.")
    if len(src) != len(dst):
        raise InvalidState("copy_tensors needs as many targets as sources.")
    for source, target in zip(src, dst, strict=True):
        target.update_inplace(source)


FUNCTIONS = (
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
"""The functions of the module."""

for each in FUNCTIONS:
    each.__module__ = "modelden.onnxruntime"


def _integer(name: str, value: Any) -> int:
    number = integer(value)
    if number is None:
        raise InvalidType(f"{name}: expected an integer, got {show(value)}.")
    return number
