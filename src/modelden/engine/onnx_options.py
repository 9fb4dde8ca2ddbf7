"""Options of ONNX sessions, by onnxruntime's Python names: those that onnxruntime-web has too. Pure."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.core.arguments import check_number, check_text, show
from modelden.errors import InputError

PROVIDERS = {"WebGpuExecutionProvider": "webgpu", "CPUExecutionProvider": "wasm"}
"""Execution providers by onnxruntime's names, with onnxruntime-web's."""


class GraphOptimizationLevel(enum.Enum):
    """The level of optimization of a graph before it runs."""

    ORT_DISABLE_ALL = "disabled"
    ORT_ENABLE_BASIC = "basic"
    ORT_ENABLE_EXTENDED = "extended"
    ORT_ENABLE_ALL = "all"


GraphOptimizationLevel.__module__ = "modelden.onnxruntime"


class ExecutionMode(enum.Enum):
    """The order in which independent parts of a graph run."""

    ORT_SEQUENTIAL = "sequential"
    ORT_PARALLEL = "parallel"


ExecutionMode.__module__ = "modelden.onnxruntime"


class RunOptions:
    """Options of one run. A browser has none: the class exists for code that passes them."""


RunOptions.__module__ = "modelden.onnxruntime"


class SessionOptions:
    """Options of a session: those of onnxruntime that onnxruntime-web has too."""

    def __init__(self) -> None:
        self.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        self.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        self.enable_cpu_mem_arena = True
        self.enable_mem_pattern = True
        self.intra_op_num_threads = 0
        """0: the number of cores, on a cross-origin isolated page; others have one thread."""
        self.log_severity_level = 2
        self.log_verbosity_level = 0
        self.logid = ""
        self._overrides: dict[str, int] = {}
        self._entries: dict[str, str] = {}
        self._external: dict[str, bytes] = {}

    def add_free_dimension_override_by_name(self, dim_name: str, dim_value: int) -> None:
        """Fix the length of a dimension that has a name."""
        check_text("dim_name", dim_name)
        check_number("dim_value", dim_value, -1, 2**53)
        self._overrides[dim_name] = dim_value

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Set one of onnxruntime's configuration keys, ``session.…``."""
        self._entries[check_text("key", key)] = check_text("value", value)

    def get_session_config_entry(self, key: str) -> str:
        """Return the entry of a key.

        Raises:
            InputError: If there is none.
        """
        if check_text("key", key) not in self._entries:
            raise InputError(f"SessionOptions does not have configuration with key: {key}")
        return self._entries[key]

    def add_external_initializers_from_files_in_memory(
        self, names: Sequence[str], buffers: Sequence[Any], lengths: Sequence[int]
    ) -> None:
        """Add external data of a model that comes as bytes, by the paths that the model names."""
        try:
            for name, buffer, length in zip(names, buffers, lengths, strict=True):
                self._external[check_text("name", name)] = bytes(memoryview(buffer).cast("B")[:length])
        except (TypeError, ValueError) as error:
            raise InputError(f"External data are names, buffers of bytes, and as many lengths: {error}.") from error

    def to_message(self, device: str) -> dict[str, Any]:
        """Return the ``OpenOptions`` of ``web/worker/protocol.ts``."""
        entries = {"extra": _nested(self._entries)} if self._entries else {}
        return {
            "device": device,
            "numThreads": self.intra_op_num_threads,
            "options": {
                "graphOptimizationLevel": self.graph_optimization_level.value,
                "executionMode": self.execution_mode.value,
                "enableCpuMemArena": self.enable_cpu_mem_arena,
                "enableMemPattern": self.enable_mem_pattern,
                "logSeverityLevel": self.log_severity_level,
                "logVerbosityLevel": self.log_verbosity_level,
                "logId": self.logid,
                "freeDimensionOverrides": self._overrides,
                **entries,
            },
        }

    @property
    def external(self) -> Mapping[str, bytes]:
        """The external data by path."""
        return self._external


SessionOptions.__module__ = "modelden.onnxruntime"


def external_data(options: Any) -> Mapping[str, bytes]:
    """Return the external data of a session's options, or none without options.

    Raises:
        InputError: If they are no `SessionOptions`.
    """
    if options is None:
        return {}
    if not isinstance(options, SessionOptions):
        raise InputError(f"sess_options: expected modelden.onnxruntime.SessionOptions, got {show(options)}.")
    return options.external


def select_device(providers: Sequence[str | tuple[str, Any]] | None) -> str:
    """Return onnxruntime-web's name of the first available execution provider; ``wasm`` without any.

    As in onnxruntime, a name that is not available is a warning.

    Raises:
        InputError: If they are no list of names, or of names with options.
    """
    names = [_provider_name(provider) for provider in _provider_list(providers)]
    for name in names:
        if name not in PROVIDERS:
            warnings.warn(
                f"Specified provider '{name}' is not in available provider names."
                f"Available providers: '{', '.join(PROVIDERS)}'",
                stacklevel=4,
            )
    return next((PROVIDERS[name] for name in names if name in PROVIDERS), "wasm")


def _provider_list(providers: Any) -> Sequence[Any]:
    if providers is None or isinstance(providers, list | tuple):
        return providers or ()
    raise InputError(f"providers: expected a list of names such as {', '.join(PROVIDERS)}, got {providers!r:.200}.")


def _provider_name(provider: Any) -> str:
    match provider:
        case str() | (str(), _):
            return provider if isinstance(provider, str) else str(provider[0])
    raise InputError(f"providers: expected names such as {', '.join(PROVIDERS)}, found {provider!r:.200}.")


def _nested(entries: Mapping[str, str]) -> dict[str, Any]:
    """Convert ``{"session.x.y": "1"}`` to the nested ``extra`` of onnxruntime-web."""
    extra: dict[str, Any] = {}
    for key, value in entries.items():
        *path, last = key.split(".")
        target = extra
        for part in path:
            target = target.setdefault(part, {})
        target[last] = value
    return extra
