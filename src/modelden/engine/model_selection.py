"""Which model, revision and data type an engine gets. Pure.

Firefox's order (``MLEngineChild.sys.mjs``, ``initializeInferenceEngine``; ``MLEngineParent.sys.mjs``,
``getInferenceOptions``): the record of Remote Settings, over it the configuration's defaults and what the caller says,
over that the configuration's overrides, and the default model of the task where all are silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modelden.config import check_root_url, check_url_template
from modelden.engine.option_validation import ENUMS
from modelden.engine.options import PipelineOptions
from modelden.engine.tasks import DEFAULT_DTYPE, DEFAULT_MODELS, known_task
from modelden.errors import InputError, InvalidRecord
from modelden.hub.catalog.names import check_model
from modelden.settings.changeset import Record

COLLECTION = "ml-inference-options"
"""The collection of Remote Settings with the options by task and feature."""

ONNX_BACKENDS = (None, "onnx", "onnx-native", "best-onnx")
"""Backends that mean ONNX: in a page all are the one there is."""

DTYPES = tuple(dtype for dtype in ENUMS["dtype"] if not dtype.startswith("fp8"))
"""Data types of weights that a page can run; the others are for static embeddings."""

MAX_EXTERNAL_FILES = 100
"""transformers.js' limit of files with weights beside one model (``MAX_EXTERNAL_DATA_CHUNKS``)."""

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
"""What a record decides, in Firefox's order. Its other fields are left alone, as Firefox does."""


def check_request(request: PipelineOptions) -> None:
    """Check what a caller asks for, as far as that is possible without Remote Settings.

    Raises:
        InputError: For what no engine in a page can be made of; `UnknownTask` for the task.
    """
    if not request.engine_id:
        raise InputError("Expected to receive an engineId in the PipelineOptions")
    if request.task_name is None and request.feature_id is None:
        raise InputError("Name a task, create_engine(task_name='feature-extraction'), or a feature_id.")
    if request.task_name is not None:
        known_task(request.task_name)
    _check_usable(request)


def choose(
    records: Iterable[Record],
    request: PipelineOptions,
    defaults: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
) -> PipelineOptions:
    """Return the options of the engine for a request, with nothing left open that names files.

    Args:
        records: The collection `COLLECTION`.
        request: What the caller asks for.
        defaults: The configuration's options, below the caller's.
        overrides: The configuration's options for the feature, over the caller's.

    Raises:
        InvalidRecord: If more than one record fits, or if the one that does cannot be understood.
        InputError: If neither a record nor the task tells the model.
    """
    record = _find(list(records), request) or {}
    caller = PipelineOptions.of(defaults).updated(request, own_features=True).updated(overrides or {})
    merged = _of_record(record).updated(caller, own_features=True)
    task_name = known_task(merged.task_name or _task_of(record, request))
    model_id = merged.model_id or DEFAULT_MODELS[task_name]
    if model_id is None:
        raise InputError(f"Neither Remote Settings nor modelden knows a model for {task_name}: name a model_id.")
    return replace(
        merged,
        task_name=task_name,
        model_id=model_id,
        model_revision=merged.model_revision or "main",
        dtype=merged.dtype or DEFAULT_DTYPE,
    )


def _of_record(record: Record) -> PipelineOptions:
    if record.get("backend") not in ONNX_BACKENDS:
        raise InvalidRecord(f"{_name(record)} asks for the backend {record['backend']!r}; here is only onnx.")
    # An empty text is no value: editors of Remote Settings cannot enter null.
    fields = {name: record[name] for name in _RECORD_FIELDS if record.get(name) not in (None, "")}
    try:
        options = PipelineOptions.of(fields)
        _check_usable(options)
    except InputError as error:
        raise InvalidRecord(f"{_name(record)}: {error}") from error
    return options


def _task_of(record: Record, request: PipelineOptions) -> str:
    task_name = record.get("taskName")
    if task_name is None:
        raise InputError(
            f"Remote Settings has no options for the feature {request.feature_id!r}: name a task_name too."
        )
    if not isinstance(task_name, str):
        raise InvalidRecord(f"{_name(record)} should have a string as taskName, but has {task_name!r}.")
    return task_name


def _find(records: list[Record], request: PipelineOptions) -> Record | None:
    filters: dict[str, str | None] = (
        {"featureId": request.feature_id} if request.feature_id else {"taskName": request.task_name}
    )
    found = _filter(records, filters, request.model_id)
    if not found and request.task_name:  # a record may have either name
        found = _filter(records, {"taskName": request.task_name}, request.model_id)
    if not found and request.task_name:
        found = _filter(records, {"taskName": known_task(request.task_name)}, request.model_id)
    if len(found) > 1:
        raise InvalidRecord(
            f"Found more than one inference options record for {request.feature_id or request.task_name!r}: "
            "name a feature_id or a model_id to tell them apart."
        )
    return found[0] if found else None


def _filter(records: list[Record], filters: dict[str, str | None], model_id: str | None) -> list[Record]:
    wanted: dict[str, Any] = {**filters, **({"modelId": model_id} if model_id else {})}
    return [record for record in records if all(record.get(name) == value for name, value in wanted.items())]


def _check_usable(options: PipelineOptions) -> None:
    """Refuse what Firefox's rules admit, but no engine in a page can be made of."""
    if options.backend not in ONNX_BACKENDS:
        raise InputError(f"The backend {options.backend!r} is not in a page; here is only onnx.")
    if options.dtype is not None and options.dtype not in DTYPES:
        raise InputError(f"dtype: {options.dtype!r} is for static embeddings, which are not in a page.")
    _check_external(options.use_external_data_format)
    check_model(options.model_id or "model", options.model_revision or "main")
    if options.model_hub_root_url is not None:
        check_root_url("model_hub_root_url", options.model_hub_root_url)
    if options.model_hub_url_template is not None:
        check_url_template("model_hub_url_template", options.model_hub_url_template)


def _check_external(value: Any) -> None:
    files = value.values() if isinstance(value, Mapping) else [value]
    if not all(isinstance(each, int) and 0 <= each <= MAX_EXTERNAL_FILES for each in files):
        raise InputError(
            "use_external_data_format: expected True, the number of files beside each model (at most "
            f"{MAX_EXTERNAL_FILES}), or a mapping of model files to either, got {value!r}."
        )


def _name(record: Record) -> str:
    return f"The record {record.get('id')} of {COLLECTION}"
