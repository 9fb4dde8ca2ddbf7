"""The options of an engine: Firefox's ``PipelineOptions`` (``EngineProcess.sys.mjs``, ESR 153). Pure.

Python's names are the snake case of Firefox's; the camel case is accepted too. `OtherOptions` has the same names for
the keyword arguments of `modelden.create_engine`; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, TypedDict

from modelden.core.arguments import show
from modelden.engine.option_validation import (
    DEFAULT_ENGINE_ID,
    FEATURES,
    MODEL_HUBS,
    NOT_IDENTITY,
    OWN_OPTIONS,
    TEST_FEATURE,
    check_options,
    wire_name,
)
from modelden.errors import InputError

if TYPE_CHECKING:
    from modelden.hub.catalog.file_roles import DataType

type Given = Mapping[str, Any] | PipelineOptions


class OtherOptions(TypedDict, total=False):
    """Options of `PipelineOptions` that `modelden.create_engine` has no parameter of its own for."""

    model_hub: str | None
    model_hub_root_url: str | None
    model_hub_url_template: str | None
    timeout_ms: int | None
    flow_id: str | None
    tokenizer_id: str | None
    tokenizer_revision: str | None
    processor_id: str | None
    processor_revision: str | None
    log_level: str | None
    runtime_filename: str | None
    num_threads: int | None
    execution_priority: str | None
    use_external_data_format: Any
    kv_cache_dtype: str | None
    num_context: int | None
    num_batch: int | None
    num_ubatch: int | None
    flash_attn: bool | None
    use_mmap: bool | None
    use_mlock: bool | None
    num_threads_decoding: int | None
    model_file: str | None
    backend: str | None
    base_url: str | None
    api_key: str | None
    static_embeddings_options: Mapping[str, Any] | None
    service_type: str | None
    purpose: str | None
    extra_headers: Mapping[str, str] | None
    subfolder: str | None
    model_file_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineOptions:
    """The options of an engine. None leaves the choice to Remote Settings, then to the task's default.

    `of` creates valid ones; the fields are in the order of Firefox's checks.

    Attributes:
        engine_id: The engine's name. One engine exists per name.
        feature_id: The feature, which refines the task in Remote Settings and names the engine.
        task_name: The task, ``feature-extraction`` for example.
        model_hub: ``mozilla`` or ``huggingface``: sets the two below, and the revision ``main``.
        model_hub_root_url: Root of the model hub.
        model_hub_url_template: Path below the root, with ``{model}`` and ``{revision}``.
        timeout_ms: Milliseconds without a run after which the engine is closed until the next one; -1 for never.
        model_id: ``organization/name``.
        model_revision: ``main`` or a version.
        flow_id: Free text for the `Event.flow_id` of local events.
        tokenizer_id: The tokenizer's model, for tasks that have one.
        tokenizer_revision: Its revision.
        processor_id: The processor's model, for tasks that have one.
        processor_revision: Its revision.
        log_level: How much onnxruntime logs to the browser's console: ``Critical``, ``Error``, ``Warn``, ``Info``,
            ``Debug``, ``Trace``, ``All``; the last three are the same. `logging` decides on the log of Python.
        runtime_filename: Name of the WASM file; Remote Settings decides.
        device: ``wasm`` (or ``cpu``, the same), ``gpu`` or ``auto``: WebGPU where the browser and the runtime have it,
            else ``wasm``; `Engine.info` has the device in effect, and the reason. Or ``webnn``, or one for each part.
        dtype: Data type of the weights: ``q8``, ``fp32``, ``auto`` for that of the model's configuration; or one for
            each part, by its file's name: ``{"encoder_model": "fp32", "decoder_model_merged": "q4"}``.
        num_threads: Threads of the runtime, on cross-origin isolated pages; others have one. 0 or None for the number
            of cores. Results of several threads may differ from those of one in their last bits.
        execution_priority: ``HIGH``, ``NORMAL`` or ``LOW``; it has no effect in a page.
        use_external_data_format: Weights are in files beside the models: True, their number, or either by the model's
            file name. False, the default, leaves that to ``transformers.js_config`` in the model's ``config.json``.
        kv_cache_dtype: Of llama backends.
        num_context: Of llama backends.
        num_batch: Of llama backends.
        num_ubatch: Of llama backends.
        flash_attn: Of llama backends.
        use_mmap: Of llama backends.
        use_mlock: Of llama backends.
        num_threads_decoding: Of llama backends.
        model_file: Of llama backends.
        backend: ``onnx``, or ``static-embeddings`` for a table of token vectors in place of a model.
        base_url: Of the backend ``openai``.
        api_key: Of the backend ``openai``.
        static_embeddings_options: Of the backend ``static-embeddings``: ``subfolder``, ``dtype`` (``fp32``, ``fp16``,
            ``fp8_e5m2`` or ``fp8_e4m3``), ``dimensions`` and ``compression`` (zstd).
        service_type: Of the backend ``openai``.
        purpose: Of the backend ``openai``.
        extra_headers: Of the backend ``openai``.
        subfolder: Folder of the ONNX files, ``onnx`` if None, ``""`` for the root of the repository.
        model_file_name: Name of the ONNX file without data type and ``.onnx``, for models that are one file; ``model``
            if None.
    """

    __module__ = "modelden"

    engine_id: str = DEFAULT_ENGINE_ID
    feature_id: str | None = None
    task_name: str | None = None
    model_hub: str | None = None
    model_hub_root_url: str | None = None
    model_hub_url_template: str | None = None
    timeout_ms: int | None = None
    model_id: str | None = None
    model_revision: str | None = None
    flow_id: str | None = None
    tokenizer_id: str | None = None
    tokenizer_revision: str | None = None
    processor_id: str | None = None
    processor_revision: str | None = None
    log_level: str | None = None
    runtime_filename: str | None = None
    device: str | Mapping[str, str] | None = None
    dtype: DataType | None = None
    num_threads: int | None = None
    execution_priority: str | None = None
    use_external_data_format: Any = False
    kv_cache_dtype: str | None = None
    num_context: int = 1024
    num_batch: int = 1024
    num_ubatch: int = 1024
    flash_attn: bool = False
    use_mmap: bool = False
    use_mlock: bool = True
    num_threads_decoding: int | None = None
    model_file: str | None = None
    backend: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    static_embeddings_options: Mapping[str, Any] | None = None
    service_type: str | None = None
    purpose: str | None = None
    extra_headers: Mapping[str, str] | None = None
    subfolder: str | None = None
    model_file_name: str | None = None

    @classmethod
    def of(cls, options: Given, *, own_features: bool = False, hub_root_url: str | None = None) -> Self:
        """Return checked options.

        Args:
            options: Values by name, in snake or camel case. Unknown names and None are ignored, as in Firefox.
            own_features: Accept features that Firefox does not have; their engine is ``<feature>-engine``.
            hub_root_url: Root of the hub if the options name none; None for Mozilla's. On another hub than Mozilla's, a
                revision may be any branch, tag or commit.

        Raises:
            InvalidOption: For the first value that is not valid, in the order of the fields.
            InputError: If ``options`` is not a mapping.
        """
        return cls().updated(options, own_features=own_features, hub_root_url=hub_root_url)

    def updated(self, options: Given, *, own_features: bool = False, hub_root_url: str | None = None) -> Self:
        """Return these options updated with others; the arguments and errors are those of `of`."""
        changes = _changes(_by_field(options))
        root = _root_url(changes) or self.model_hub_root_url or hub_root_url
        check_options(changes, own_features=own_features, hub_root_url=root)
        return type(self)(**_merged(self.values(), changes))

    def to_dict(self) -> dict[str, Any]:
        """Return all options by Firefox's names (``getOptions``), and those of `OWN_OPTIONS` that have a value."""
        values = {wire: getattr(self, name) for name, wire in _WIRE_NAMES.items()}
        own = {_WIRE_NAMES[name] for name in OWN_OPTIONS}
        return {wire: value for wire, value in values.items() if value is not None or wire not in own}

    def is_equivalent(self, other: PipelineOptions) -> bool:
        """Tell whether an engine with these options can serve the others too (``equals``)."""
        if not isinstance(other, PipelineOptions):
            raise InputError(f"Options are compared with options, not with {show(other)}.")
        own, others = self.values(), other.values()
        return all(
            _same_backend(own[name], others[name]) if name == "backend" else _same(own[name], others[name])
            for name in FIELDS
            if name not in NOT_IDENTITY
        )

    def asks_for(self) -> dict[str, Any]:
        """Return the options that identify an engine: all but those of a single call or caller."""
        return {name: value for name, value in self.to_dict().items() if name not in _PER_CALL}

    def values(self) -> dict[str, Any]:
        """Return all options by Python's names."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(field.name for field in fields(PipelineOptions))
"""The names of all options, in the order of Firefox's checks."""

_WIRE_NAMES = {name: wire_name(name) for name in FIELDS}
"""Firefox's names of all options, by their names in Python."""

_PER_CALL = frozenset(_WIRE_NAMES[name] for name in NOT_IDENTITY - {"engine_id", "feature_id"})
"""Options of a single call or caller, by Firefox's names."""

_NAMES = {**{name: name for name in FIELDS}, **{wire: name for name, wire in _WIRE_NAMES.items()}}
"""Fields by their names in both spellings."""


def field_name(name: str) -> str:
    """Return the field of an existing option, for its name in either spelling."""
    return _NAMES[name]


def check_names(names: Iterable[str]) -> None:
    """Return if all of these are names of options.

    Raises:
        InputError: If one is not; the message has the nearest name.
    """
    for name in names:
        if name not in _NAMES:
            import difflib  # slow to import, and only for this message

            near = difflib.get_close_matches(str(name), FIELDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(FIELDS)}."
            raise InputError(f"There is no option {show(name)}. {hint}")


def _by_field(options: Given) -> dict[str, Any]:
    if isinstance(options, PipelineOptions):
        return options.values()
    if not isinstance(options, Mapping):
        raise InputError(f"Options are a mapping of names to values, not {type(options).__name__}.")
    return {_NAMES[name]: value for name, value in options.items() if name in _NAMES}


def merge(options: PipelineOptions, others: PipelineOptions) -> PipelineOptions:
    """Return options updated with others, which are checked already."""
    return PipelineOptions(**_merged(options.values(), _changes(others.values())))


def _merged(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in changes.items():
        if name == "feature_id" and changes.get("engine_id") in (None, DEFAULT_ENGINE_ID):
            values["engine_id"] = _engine_of(value, values["engine_id"])
        if name == "model_hub":
            values.update(MODEL_HUBS[value])
        values[name] = value
    return values


def _changes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are not None, in the order of the fields; mappings as copies."""
    given = {name: value for name in FIELDS if (value := values.get(name)) is not None}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items()}


def _root_url(changes: Mapping[str, Any]) -> str | None:
    """Return the root of the hub that options name, or None; they are not checked yet."""
    hub, root = changes.get("model_hub"), changes.get("model_hub_root_url")
    if isinstance(root, str):
        return root
    return MODEL_HUBS[hub]["model_hub_root_url"] if isinstance(hub, str) and hub in MODEL_HUBS else None


def _engine_of(feature_id: str, engine_id: str) -> str:
    if feature_id == TEST_FEATURE:
        return engine_id
    return FEATURES.get(feature_id, f"{feature_id}-engine")


def _same_backend(one: str | None, other: str | None) -> bool:
    # "best-onnx" stands for either of the two.
    return one == other or ("best-onnx" in (one, other) and {one, other} <= {"best-onnx", "onnx", "onnx-native"})


def _same(one: Any, other: Any) -> bool:
    # JavaScript's ===, applied to the members of objects: true is not 1.
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
