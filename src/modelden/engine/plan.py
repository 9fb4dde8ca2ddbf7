"""Plans: the options and the runtime of an engine, decided from Remote Settings before anything is fetched. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from modelden.engine.options import PipelineOptions
from modelden.engine.runtime_selection import WASM, WEBGPU, requested_device, requested_devices
from modelden.engine.static_embeddings import STATIC_EMBEDDINGS, static_options
from modelden.engine.tasks import FIREFOX_TASKS
from modelden.errors import InputError
from modelden.settings.changeset import Record

_IDENTITY = (
    "task_name",
    "model_hub_root_url",
    "model_hub_url_template",
    "model_id",
    "model_revision",
    "tokenizer_id",
    "tokenizer_revision",
    "processor_id",
    "processor_revision",
    "device",
    "dtype",
    "num_threads",
    "use_external_data_format",
    "static_embeddings_options",
    "subfolder",
    "model_file_name",
)
"""Options that decide what is loaded, and how."""

type Device = str | Mapping[str, str] | None
"""The option ``device`` of an engine."""

_REQUIRED = ("task_name", "model_hub_root_url", "model_hub_url_template", "model_id", "model_revision")
"""Options that every plan has."""

_LOG_SEVERITIES = {"All": 0, "Trace": 0, "Debug": 0, "Info": 1, "Warn": 2, "Error": 3, "Critical": 4}
"""onnxruntime's severities by Firefox's levels: the least severe that it writes to the browser's console."""


class Plan(NamedTuple):
    """The options and the runtime of an engine.

    Attributes:
        options: Options that name all that is loaded.
        runtime: The record of the WASM file.
        no_gpu_reason: Why the GPU is not used though the options ask for it. Not stored: each visit checks it again.
        files: URLs of the files that the last load took.
    """

    options: PipelineOptions
    runtime: Record
    no_gpu_reason: str | None = None
    files: tuple[str, ...] = ()

    @property
    def needs_runtime(self) -> bool:
        """False for a table of token vectors, which needs no onnxruntime."""
        return self.options.backend != STATIC_EMBEDDINGS

    def is_equivalent(self, other: Plan) -> bool:
        """Tell whether an engine of the other plan has the same model and the same runtime."""
        return self._identity() == other._identity()

    def summary(self) -> dict[str, Any]:
        """Return model, revision, data type and version of the runtime, as events and `UpdateStatus` have them."""
        return {
            "model_id": self.options.model_id,
            "model_revision": self.options.model_revision,
            "dtype": self.options.dtype,
            "runtime": f"{self.runtime['name']} {self.runtime['version']}",
        }

    def to_row(self) -> dict[str, Any]:
        """Return the stored form, plain JSON data."""
        return {"options": self.options.to_dict(), "runtime": dict(self.runtime), "files": list(self.files)}

    def create_message(self, fallbacks: Fallbacks) -> dict[str, Any]:
        """Return the ``CreateOptions`` of ``web/worker/protocol.ts``."""
        options = self.options
        device, threads = fallbacks.apply(options.device, options.num_threads)
        message: dict[str, Any] = {
            "task": options.task_name,
            "modelId": options.model_id,
            "modelRevision": options.model_revision,
            "hubRootUrl": options.model_hub_root_url,
            "hubUrlTemplate": options.model_hub_url_template,
            "dtype": options.dtype,
            "device": device,
            "numThreads": threads,
            "logSeverity": _LOG_SEVERITIES.get(options.log_level or "", 2),
            "useExternalDataFormat": options.use_external_data_format or None,
        }
        if options.subfolder is not None:
            message["subfolder"] = options.subfolder
        if options.model_file_name is not None:
            message["modelFileName"] = options.model_file_name
        if options.backend == STATIC_EMBEDDINGS:
            message["staticEmbeddings"] = static_options(options.static_embeddings_options)
        if fallbacks.files_only:
            message["filesOnly"] = True
        if options.task_name in FIREFOX_TASKS:
            message["config"] = _firefox_config(options)
        return message

    @classmethod
    def from_row(cls, row: Any) -> Self:
        """Read `to_row`.

        Raises:
            InputError: For a row of another form; another build of modelden may have stored it.
        """
        match row:
            case {"options": dict(stored), "runtime": dict(runtime)} if _is_runtime(runtime):
                options = PipelineOptions.of(stored, own_features=True)
                files = row.get("files", [])  # rows of earlier builds have none
                if all(getattr(options, name) for name in _REQUIRED) and isinstance(files, list):
                    return cls(options, runtime, files=tuple(file for file in files if isinstance(file, str)))
        raise InputError("The stored plan of an engine has another form.")

    def _identity(self) -> tuple[Any, ...]:
        hash_and_version = self.runtime["attachment"]["hash"], self.runtime["version"]
        return *hash_and_version, *[getattr(self.options, name) for name in _IDENTITY]


class Fallbacks(NamedTuple):
    """The parts of a plan that one load leaves out.

    Attributes:
        one_thread_reason: Why the load takes one thread; None for the number that the plan has.
        no_gpu_reason: Why the load does not use the GPU; None for the device that the plan has.
        files_only: The files are fetched, and no model is loaded.
    """

    one_thread_reason: str | None = None
    no_gpu_reason: str | None = None
    files_only: bool = False

    def apply(self, device: Device, threads: int | None) -> tuple[str | dict[str, str], int]:
        """Return the device and the number of threads in place of those of a plan; 0 threads for all cores.

        A device is by transformers.js' name, and one for each part if the plan has them so.
        """
        wanted = requested_devices(device)
        if self.no_gpu_reason and isinstance(wanted, dict):
            wanted = {part: WASM if each == WEBGPU else each for part, each in wanted.items()}
        elif self.no_gpu_reason and wanted == WEBGPU:
            wanted = WASM
        return wanted, 1 if self.one_thread_reason else threads or 0

    def reasons(self, device: Device, threads: int | None) -> dict[str, str]:
        """Return the members of `Engine.info` that explain a difference from the device and threads of a plan."""
        reasons: dict[str, str] = {}
        if self.one_thread_reason and threads != 1:
            reasons["threadsReason"] = self.one_thread_reason
        if self.no_gpu_reason and device not in (None, WASM, "cpu") and requested_device(device) == WEBGPU:
            reasons["deviceReason"] = self.no_gpu_reason
        return reasons


class EngineRecord(NamedTuple):
    """An engine that was loaded with success.

    Attributes:
        request: The options that the caller gave.
        plan: The plan by which the engine was loaded.
    """

    request: PipelineOptions
    plan: Plan


def _firefox_config(options: PipelineOptions) -> dict[str, Any]:
    """Return the configuration of Firefox's own tasks: the options with a value (``applyToConfig``), two defaults."""
    revision = options.model_revision
    values = {name: value for name, value in options.to_dict().items() if value is not None}
    return {"backend": "onnx", "tokenizerRevision": revision, "processorRevision": revision, **values}


def _is_runtime(record: dict[str, Any]) -> bool:
    match record:
        case {"name": str(), "version": str(), "attachment": {"hash": str()}}:
            return True
    return False
