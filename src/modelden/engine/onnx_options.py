"""``SessionOptions`` of onnxruntime's Python API, with onnxruntime's defaults. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelden.core.arguments import check_callback, check_text, show
from modelden.engine.onnx_enums import (
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    OrtExecutionProviderDevicePolicy,
)
from modelden.engine.onnx_errors import InvalidState, InvalidType, status_error
from modelden.engine.onnx_fields import Field, has_types, integer, warn_unsupported
from modelden.engine.onnx_providers import PROVIDERS
from modelden.engine.onnx_run_options import ConfigEntries

_WEB_LEVELS = {0: "disabled", 1: "basic", 2: "extended", 3: "all", 99: "all"}
"""onnxruntime-web's names of optimization levels. The level of layouts has one since 1.23 only."""

_WEB_MODES = {ExecutionMode.ORT_SEQUENTIAL: "sequential", ExecutionMode.ORT_PARALLEL: "parallel"}


class DefaultLogger:
    """The logger of sessions without settings of their own.

    Attributes:
        severity: The severity of its messages: 2 for warnings, as onnxruntime's.
    """

    severity = 2


default_logger = DefaultLogger()
"""The page's one default logger."""


class SessionOptions:
    """Options of a session. Those that a browser cannot honour warn once, by their name."""

    __slots__ = ("_config", "_external", "_overrides", "_providers", "_values")

    enable_cpu_mem_arena = Field(True)  # noqa: FBT003  the default
    enable_mem_pattern = Field(True)  # noqa: FBT003  the default
    enable_mem_reuse = Field(True, "onnxruntime-web always reuses memory")  # noqa: FBT003  the default
    enable_profiling = Field(False)  # noqa: FBT003  the default
    execution_mode = Field(ExecutionMode.ORT_SEQUENTIAL)
    execution_order = Field(ExecutionOrder.DEFAULT, "onnxruntime-web has the default order")
    graph_optimization_level = Field(GraphOptimizationLevel.ORT_ENABLE_ALL)
    inter_op_num_threads = Field(0, "onnxruntime-web has threads within operators only")
    intra_op_num_threads = Field(0)
    """0: the number of cores, on a cross-origin isolated page; others have one thread."""
    log_severity_level = Field(-1)
    """Severity of the messages of the session, 0 to 4; -1 for the default."""
    log_verbosity_level = Field(0)
    logid = Field("")
    optimized_model_filepath = Field("", "the worker has no file system")
    profile_file_prefix = Field("onnxruntime_profile_")
    use_deterministic_compute = Field(False, "onnxruntime-web has no such mode")  # noqa: FBT003  the default
    use_per_session_threads = Field(True, "sessions of one worker share its threads")  # noqa: FBT003  the default

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._overrides: dict[str, int] = {}
        self._config = ConfigEntries("SessionOptions")
        self._external: dict[str, bytes] = {}
        self._providers: dict[str, dict[str, str]] = {}

    def add_free_dimension_override_by_name(self, dim_name: str, dim_value: int) -> None:
        """Fix the length of a dimension that has a name.

        Raises:
            InputError: If they are no text and no integer.
        """
        number = integer(dim_value)
        if number is None or not has_types((dim_name, str)):
            raise InvalidType(f"An override has a name and a length, got {show(dim_name)} and {show(dim_value)}.")
        self._overrides[check_text("dim_name", dim_name)] = number

    def add_free_dimension_override_by_denotation(self, dim_denotation: str, dim_value: int) -> None:
        """Warn: onnxruntime-web takes names of dimensions, not their denotations.

        Raises:
            InputError: If they are no text and no integer.
        """
        if integer(dim_value) is None or not has_types((dim_denotation, str)):
            raise InvalidType(f"An override has a text and a length, got {show(dim_denotation)}, {show(dim_value)}.")
        warn_unsupported(
            "SessionOptions.add_free_dimension_override_by_denotation", "onnxruntime-web takes names of dimensions"
        )

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Set one of onnxruntime's configuration keys, ``session.…``.

        Raises:
            InputError: If key and value are no texts, or the key is empty or too long.
        """
        self._config.add(key, value)

    def get_session_config_entry(self, key: str) -> str:
        """Return the entry of a key.

        Raises:
            InputError: If there is none.
        """
        return self._config.get(key)

    def add_external_initializers_from_files_in_memory(
        self, names: Sequence[str], buffers: Sequence[Any], lengths: Sequence[int]
    ) -> None:
        """Add external data of a model that comes as bytes, by the paths that the model names.

        Raises:
            InputError: If they are no texts, no buffers of bytes, or not as many lengths.
        """
        for each in (names, buffers, lengths):
            if not isinstance(each, list | tuple):
                raise InvalidType(f"External data are lists of names, buffers and lengths, got {show(each)}.")
        if not len(names) == len(buffers) == len(lengths):
            raise InvalidState("External data are names, buffers of bytes, and as many lengths.")
        for name, buffer, length in zip(names, buffers, lengths, strict=True):
            try:
                self._external[check_text("name", name)] = bytes(memoryview(buffer).cast("B")[:length])
            except (TypeError, ValueError, BufferError) as error:
                raise InvalidType(f"External data are buffers of bytes, with a length: {error}.") from error

    def add_initializer(self, name: str, ortvalue: Any) -> None:  # noqa: ARG002  onnxruntime's
        """Warn: the worker takes the weights of the model's file."""
        warn_unsupported("SessionOptions.add_initializer", "the weights are those of the model's file")

    def add_external_initializers(self, names: Sequence[str], ortvalues: Sequence[Any]) -> None:
        """Warn: external data come as files, see `add_external_initializers_from_files_in_memory`.

        Raises:
            InputError: If there are not as many values as names.
        """
        if not isinstance(names, list) or not isinstance(ortvalues, list):
            raise InvalidType("External initializers are two lists.")
        if len(names) != len(ortvalues):
            raise InvalidState("Expecting names and ort_values lists to have equal length")
        warn_unsupported(
            "SessionOptions.add_external_initializers", "use add_external_initializers_from_files_in_memory instead"
        )

    def add_provider(self, provider: str, provider_options: Mapping[str, str]) -> None:
        """Add an execution provider with its options.

        Raises:
            InputError: If there is no such provider.
        """
        if not has_types((provider, str), (provider_options, dict)):
            raise InvalidType(f"A provider is a text with a dict of options, got {show(provider)}.")
        if provider not in PROVIDERS:
            raise InvalidState(f"Unknown Provider Type: {show(provider)[1:-1]}")
        self._providers[provider] = dict(provider_options)

    def has_providers(self) -> bool:
        """Return True if a provider was added."""
        return bool(self._providers)

    def set_provider_selection_policy(self, policy: OrtExecutionProviderDevicePolicy) -> None:
        """Warn: the providers of `InferenceSession` decide.

        Raises:
            InputError: If it is no policy.
        """
        if not isinstance(policy, OrtExecutionProviderDevicePolicy):
            raise InvalidType(f"policy: expected an OrtExecutionProviderDevicePolicy, got {show(policy)}.")
        warn_unsupported("SessionOptions.set_provider_selection_policy", "the providers of the session decide")

    def set_provider_selection_policy_delegate(self, delegate: Any) -> None:
        """Warn: the providers of `InferenceSession` decide.

        Raises:
            InputError: If it is no function.
        """
        check_callback("delegate", delegate)
        warn_unsupported("SessionOptions.set_provider_selection_policy_delegate", "the providers of the session decide")

    def set_load_cancellation_flag(self, is_cancelled: bool) -> None:  # noqa: FBT001  onnxruntime's
        """Warn: a load ends when its task is cancelled."""
        if is_cancelled is True:
            warn_unsupported("SessionOptions.set_load_cancellation_flag", "cancel the task of the load instead")

    def register_custom_ops_library(self, library: str) -> None:
        """Refuse: a browser loads no native library.

        Raises:
            Fail: Always.
        """
        raise status_error(1, f"Failed to load library {show(library)[1:-1]} with error: a browser loads none.")

    def to_message(self, device: str) -> dict[str, Any]:
        """Return the ``OpenOptions`` of ``web/worker/session_protocol.ts``."""
        extra = self._config.to_extra()
        severity = self.log_severity_level
        return {
            "device": device,
            "numThreads": max(self.intra_op_num_threads, 0),
            "options": {
                "graphOptimizationLevel": _WEB_LEVELS[self.graph_optimization_level],
                "executionMode": _WEB_MODES[self.execution_mode],
                "enableCpuMemArena": self.enable_cpu_mem_arena,
                "enableMemPattern": self.enable_mem_pattern,
                "logSeverityLevel": severity if 0 <= severity <= 4 else default_logger.severity,
                "logVerbosityLevel": max(self.log_verbosity_level, 0),
                "logId": self.logid,
                "freeDimensionOverrides": {name: size for name, size in self._overrides.items() if size >= 0},
                **({"extra": extra} if extra else {}),
            },
        }

    @property
    def external(self) -> Mapping[str, bytes]:
        """The external data by path."""
        return self._external

    @property
    def providers(self) -> Mapping[str, dict[str, str]]:
        """The execution providers that `add_provider` added, with their options."""
        return self._providers


SessionOptions.__module__ = "modelden.onnxruntime"


def check_session_options(options: Any) -> SessionOptions:
    """Return the options of a session; the default ones for None.

    Raises:
        InputError: If they are no `SessionOptions`.
    """
    if options is None:
        return SessionOptions()
    if not isinstance(options, SessionOptions):
        raise InvalidType(f"sess_options: expected modelden.onnxruntime.SessionOptions, got {show(options)}.")
    return options
