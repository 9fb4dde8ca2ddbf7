"""Model selection: the model, revision and data type of an engine. Pure.

The order is Firefox's (``MLEngineChild.sys.mjs``, ``initializeInferenceEngine``; ``MLEngineParent.sys.mjs``,
``getInferenceOptions``), each before the next: the configuration's overrides, the caller's options, the configuration's
defaults, the record of Remote Settings, and the default model of the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelden.core.arguments import show
from modelden.core.web_arguments import check_root_url, check_url_template
from modelden.engine.option_validation import ENUMS
from modelden.engine.options import PipelineOptions, merge
from modelden.engine.static_embeddings import STATIC_DTYPES, STATIC_EMBEDDINGS, static_options
from modelden.engine.tasks import ALIASES, DEFAULT_DTYPE, DEFAULT_MODELS, ECHOES
from modelden.errors import InputError, InvalidRecord, ModelDenError, UnknownTask
from modelden.hub.catalog.names import HubAddress, check_model
from modelden.settings.changeset import Record

COLLECTION = "ml-inference-options"
"""The collection of Remote Settings with the options by task and feature."""

ONNX_BACKENDS = (None, "onnx", "onnx-native", "best-onnx")
"""Backends that mean ONNX. In a page all are the same one."""

BACKENDS = (*ONNX_BACKENDS, STATIC_EMBEDDINGS)
"""Backends that run in a page."""

LLAMA_BACKENDS = ("wllama", "best-llama", "llama.cpp")
"""Firefox's backends for GGUF files: llama.cpp as WASM, native, or the better one of both."""

DTYPES = tuple(dtype for dtype in ENUMS["dtype"] if not dtype.startswith("fp8"))
"""Data types of weights that run in a page; the others are for static embeddings."""

MAX_EXTERNAL_FILES = 100
"""The limit of transformers.js for external data files of one model (``MAX_EXTERNAL_DATA_CHUNKS``)."""

STATIC_MODEL = PipelineOptions(model_id="mozilla/static-embeddings", model_revision="v1.0.0")
"""The model of static embeddings, unless a record or the caller names one (``EmbeddingsGenerator.sys.mjs``)."""

_RECORD_FIELDS = (
    "modelRevision",
    "modelId",
    "tokenizerRevision",
    "tokenizerId",
    "processorRevision",
    "processorId",
    "dtype",
    "numThreads",
)
"""The fields of a record that count, in Firefox's order. Firefox ignores the others too."""


def check_request(request: PipelineOptions) -> None:
    """Validate a request, as far as that is possible without Remote Settings.

    Raises:
        InputError: For options that no engine in a page can have; `UnknownTask` for the task.
    """
    if not request.engine_id:
        raise InputError("Expected to receive an engineId in the PipelineOptions")
    if request.task_name is None and request.feature_id is None:
        raise InputError("Name a task, create_engine(task_name='feature-extraction'), or a feature_id.")
    if request.task_name is not None:
        known_task(request.task_name)
    _check_supported(request)


def choose(
    records: Iterable[Record],
    request: PipelineOptions,
    defaults: PipelineOptions,
    overrides: Mapping[str, Any] | None = None,
) -> PipelineOptions:
    """Return the options of the engine for a request; all options that name files have a value.

    Args:
        records: The collection `COLLECTION`.
        request: The caller's options, checked.
        defaults: The configuration's options, which the caller's override.
        overrides: The configuration's options for the feature, which override the caller's.

    Raises:
        InvalidRecord: If more than one record matches, or if the one that does is not valid.
        InputError: If neither a record nor the task has a model.
    """
    record = find_record(records, request) or {}
    caller = merge(defaults, request)
    if overrides:
        caller = caller.updated(overrides)
    merged = merge(_from_record(record, caller), caller)
    task_name = known_task(merged.task_name or _task_of(record, request))
    if task_name == STATIC_EMBEDDINGS and merged.backend is None:
        merged = replace(merged, backend=STATIC_EMBEDDINGS)
    if merged.backend == STATIC_EMBEDDINGS and merged.model_id is None:
        merged = merge(STATIC_MODEL, merged)
    model_id = merged.model_id or DEFAULT_MODELS[task_name]
    if model_id is None:
        raise InputError(f"Neither Remote Settings nor modelden knows a model for {task_name}: name a model_id.")
    merged = replace(merged, task_name=task_name, model_id=model_id, model_revision=merged.model_revision or "main")
    if merged.backend == STATIC_EMBEDDINGS:
        table = static_options(merged.static_embeddings_options)
        return replace(merged, static_embeddings_options=table, dtype=table["dtype"])
    return replace(merged, dtype=merged.dtype or DEFAULT_DTYPE)


def _from_record(record: Record, caller: PipelineOptions) -> PipelineOptions:
    backend, root, template = caller.backend, caller.model_hub_root_url, caller.model_hub_url_template
    # As in Firefox, a backend that the caller names counts, and not the record's.
    if backend is None and record.get("backend") not in BACKENDS:
        raise InvalidRecord(f"{_name(record)} asks for {_missing_backend(record['backend'])}")
    # An empty text counts as none: editors of Remote Settings cannot enter null.
    fields = {name: record[name] for name in _RECORD_FIELDS if record.get(name) not in (None, "")}
    if (backend or record.get("backend")) == STATIC_EMBEDDINGS:
        fields |= _static_fields(record)
    try:
        options = PipelineOptions.of(fields, hub_root_url=root)
        _check_supported(options)
        HubAddress(root or "", template or "").check_model(
            options.model_id or "model", options.model_revision or "main"
        )
    except InputError as error:
        raise InvalidRecord(f"{_name(record)}: {error}") from error
    return options


def _static_fields(record: Record) -> dict[str, Any]:
    """Return the fields of a table of token vectors, whose data type the record names in either place."""
    given = record.get("staticEmbeddingsOptions")
    if given is not None and not isinstance(given, Mapping):
        raise InvalidRecord(f"{_name(record)} should have an object as staticEmbeddingsOptions, but has {given!r}.")
    dtype = {"dtype": record["dtype"]} if record.get("dtype") in STATIC_DTYPES else {}
    fields: dict[str, Any] = {"backend": STATIC_EMBEDDINGS}
    if record.get("backend") == STATIC_EMBEDDINGS:
        fields["staticEmbeddingsOptions"] = {**dtype, **(given or {})}
    return fields


def _task_of(record: Record, request: PipelineOptions) -> str:
    task_name = record.get("taskName")
    if task_name is None:
        raise InputError(
            f"Remote Settings has no options for the feature {request.feature_id!r}: name a task_name too."
        )
    if not isinstance(task_name, str):
        raise InvalidRecord(f"{_name(record)} should have a string as taskName, but has {task_name!r}.")
    return task_name


def has_files(task_name: str, model_id: str) -> bool:
    """Tell whether an engine has files on a hub; Firefox's echoes have none (``PipelineOptions.isMocked``)."""
    return not ECHOES & {task_name, model_id}


def known_task(task_name: str) -> str:
    """Return the name of a task, for its name or an alias.

    Raises:
        UnknownTask: If there is no such task; the message has the nearest names.
    """
    if task_name in DEFAULT_MODELS:
        return task_name
    if task_name in ALIASES:
        return ALIASES[task_name]
    import difflib  # slow to import, and only for this message

    near = difflib.get_close_matches(task_name, [*DEFAULT_MODELS, *ALIASES], n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known tasks: {', '.join(DEFAULT_MODELS)}."
    raise UnknownTask(f"There is no task {task_name!r}. {hint}")


def find_record(records: Iterable[Record], request: PipelineOptions) -> Record | None:
    """Return the record of Remote Settings for a request, or None.

    Raises:
        InvalidRecord: If more than one record matches.
    """
    records = list(records)
    filters: dict[str, str | None] = (
        {"featureId": request.feature_id} if request.feature_id else {"taskName": request.task_name}
    )
    matches = _filter(records, filters, request.model_id)
    if not matches and request.task_name:  # a record may have either name
        matches = _filter(records, {"taskName": request.task_name}, request.model_id)
    if not matches and request.task_name:
        matches = _filter(records, {"taskName": known_task(request.task_name)}, request.model_id)
    if len(matches) > 1:
        raise InvalidRecord(
            f"Found more than one inference options record for {request.feature_id or request.task_name!r}: "
            "name a feature_id or a model_id to tell them apart."
        )
    return matches[0] if matches else None


def filtered_error(feature_id: str, filtered_out: Sequence[Record], error: ModelDenError) -> InvalidRecord:
    """Return the error of a feature that has records, but none for this browser.

    Args:
        feature_id: The feature.
        filtered_out: Its records, whose filter expressions are not true here.
        error: The error of the choice without them.
    """
    expressions = ", ".join(sorted({repr(str(record.get("filter_expression")))[:200] for record in filtered_out}))
    return InvalidRecord(
        f"Remote Settings have options for the feature {feature_id!r}, but not for this browser: their "
        f"filter_expression is not true here ({expressions}). Set configure(filter_environment=...) to what it asks "
        f"for, or name a model_id without the feature. Without this record: {error}"
    )


def _filter(records: list[Record], filters: dict[str, str | None], model_id: str | None) -> list[Record]:
    expected: dict[str, Any] = {**filters, **({"modelId": model_id} if model_id else {})}
    return [record for record in records if all(record.get(name) == value for name, value in expected.items())]


def _missing_backend(backend: Any) -> str:
    if backend in LLAMA_BACKENDS:
        return (
            f"the backend {backend!r}, which runs GGUF files with llama.cpp. modelden has onnxruntime-web alone: name "
            "the ONNX export of the model (model_id='onnx-community/...', backend='onnx'), or publish a record with it."
        )
    return f"the backend {backend!r}, which is not in a page; expected one of {', '.join(map(str, BACKENDS[1:]))}."


def _check_supported(options: PipelineOptions) -> None:
    """Refuse options that are valid in Firefox, but that no engine in a page can have."""
    if options.backend not in BACKENDS:
        raise InputError(f"create_engine got {_missing_backend(options.backend)}")
    if options.backend == STATIC_EMBEDDINGS:
        static_options(options.static_embeddings_options)
    elif options.dtype is not None:
        check_onnx_dtype(options.dtype)
    _check_external(options.use_external_data_format)
    check_model(options.model_id or "model", options.model_revision or "main")
    if options.model_hub_root_url is not None:
        check_root_url("model_hub_root_url", options.model_hub_root_url)
    if options.model_hub_url_template is not None:
        check_url_template("model_hub_url_template", options.model_hub_url_template)


def check_onnx_dtype(dtype: Any) -> None:
    """Check the data type of ONNX weights, or those of a model's parts.

    Raises:
        InputError: For one of static embeddings, and for any other value.
    """
    parts = list(dtype.values()) if isinstance(dtype, Mapping) else [dtype]
    if parts and all(isinstance(part, str) and part in DTYPES for part in parts):
        return
    is_static = any(isinstance(part, str) and part in STATIC_DTYPES for part in parts)
    hint = f" {show(dtype)} is for static embeddings: name backend={STATIC_EMBEDDINGS!r} too." if is_static else ""
    raise InputError(
        f"dtype: expected one of {', '.join(DTYPES)}, or a mapping of the model's parts to them, got {show(dtype)}."
        f"{hint}"
    )


def _check_external(value: Any) -> None:
    numbers = value.values() if isinstance(value, Mapping) else [value]
    if not all(isinstance(number, int) and 0 <= number <= MAX_EXTERNAL_FILES for number in numbers):
        raise InputError(
            "use_external_data_format: expected True, the number of files beside each model (at most "
            f"{MAX_EXTERNAL_FILES}), or a mapping of model files to either, got {show(value)}."
        )


def _name(record: Record) -> str:
    return f"The record {record.get('id')} of {COLLECTION}"
