"""Options of raw models, by onnxruntime's Python names: those that onnxruntime-web has too. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.errors import InputError


class GraphOptimizationLevel(enum.Enum):
    """How much of a graph is rewritten before it runs."""

    ORT_DISABLE_ALL = "disabled"
    ORT_ENABLE_BASIC = "basic"
    ORT_ENABLE_EXTENDED = "extended"
    ORT_ENABLE_ALL = "all"


class ExecutionMode(enum.Enum):
    """Whether independent parts of a graph may run side by side."""

    ORT_SEQUENTIAL = "sequential"
    ORT_PARALLEL = "parallel"


class RunOptions:
    """Options of one run; a browser has none. Here for code that passes them."""


class SessionOptions:
    """Options of a session: those of onnxruntime that onnxruntime-web has too."""

    def __init__(self) -> None:
        """Everything has its default."""
        self.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        self.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        self.enable_cpu_mem_arena = True
        self.enable_mem_pattern = True
        self.intra_op_num_threads = 0
        """0: as many as there are cores, on a cross-origin isolated page; others have one."""
        self.log_severity_level = 2
        self.log_verbosity_level = 0
        self.logid = ""
        self._overrides: dict[str, int] = {}
        self._entries: dict[str, str] = {}
        self._external: dict[str, bytes] = {}

    def add_free_dimension_override_by_name(self, dim_name: str, dim_value: int) -> None:
        """Fix the length of a dimension that has a name."""
        self._overrides[dim_name] = dim_value

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Set one of onnxruntime's configuration keys, ``session.…``."""
        self._entries[key] = value

    def get_session_config_entry(self, key: str) -> str:
        """Return what was set for a key.

        Raises:
            InputError: If nothing was.
        """
        if key not in self._entries:
            raise InputError(f"SessionOptions does not have configuration with key: {key}")
        return self._entries[key]

    def add_external_initializers_from_files_in_memory(
        self, names: Sequence[str], buffers: Sequence[Any], lengths: Sequence[int]
    ) -> None:
        """Give files of weights beside a model that comes as bytes, by the paths that the model names."""
        for name, buffer, length in zip(names, buffers, lengths, strict=True):
            self._external[name] = bytes(memoryview(buffer).cast("B")[:length])

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
        """Files of weights by path."""
        return self._external


def _nested(entries: Mapping[str, str]) -> dict[str, Any]:
    """``{"session.x.y": "1"}`` as onnxruntime-web's nested ``extra``."""
    extra: dict[str, Any] = {}
    for key, value in entries.items():
        *path, last = key.split(".")
        place = extra
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return extra
