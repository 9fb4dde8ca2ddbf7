"""Which model, revision and data type an engine gets. Pure.

Firefox's order (``MLEngineParent.sys.mjs``, ``getInferenceOptions``; ``EngineProcess.sys.mjs``): the record of Remote
Settings, over it what the caller says, and the default model of the task where both are silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from modelden.engine.tasks import DEFAULT_DTYPE, DEFAULT_MODELS, check_task
from modelden.errors import InputError, InvalidRecord
from modelden.hub.names import check_model
from modelden.settings.changeset import Record

COLLECTION = "ml-inference-options"
"""The collection of Remote Settings with the options by task and feature."""

DTYPES = ("auto", "fp32", "fp16", "q8", "int8", "uint8", "q4", "bnb4", "q4f16")
"""Data types of weights, in transformers.js' names (``utils/dtypes.js``)."""

_ONNX_BACKENDS = (None, "onnx", "onnx-native", "best-onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller asks for. None leaves the choice to Remote Settings.

    Attributes:
        task_name: The task, ``feature-extraction`` for example.
        feature_id: The feature, which refines the task.
        model_id: ``organization/name``.
        model_revision: Branch or version.
        dtype: Data type of the weights.
        engine_id: Name of the engine.
    """

    task_name: str | None = None
    feature_id: str | None = None
    model_id: str | None = None
    model_revision: str | None = None
    dtype: str | None = None
    engine_id: str | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without Remote Settings.

        Raises:
            InputError: For a value that cannot be used; `UnknownTask` for the task.
        """
        for name, value in asdict(self).items():
            if value is not None and (not isinstance(value, str) or not value):
                raise InputError(f"{name}: expected a non-empty string, got {value!r}.")
        if self.task_name is None and self.feature_id is None:
            raise InputError("Name a task, create_engine(task_name='feature-extraction'), or a feature_id.")
        if self.task_name is not None:
            check_task(self.task_name)
        if self.model_id is not None or self.model_revision is not None:
            check_model(self.model_id or "model", self.model_revision or "main")
        if self.dtype is not None:
            _check_dtype(self.dtype)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine is made of.

    Attributes:
        engine_id: Its name.
        task_name: The task.
        model_id: ``organization/name``.
        model_revision: Branch or version.
        dtype: Data type of the weights.
    """

    engine_id: str
    task_name: str
    model_id: str
    model_revision: str
    dtype: str


def choose(records: Iterable[Record], request: Request) -> EngineOptions:
    """Return the options for a request.

    Args:
        records: The collection `COLLECTION`.
        request: What the caller asks for.

    Raises:
        InvalidRecord: If more than one record fits, or if the one that does cannot be understood.
        InputError: If neither a record nor the task tells the model.
    """
    record = _find(list(records), request) or {}
    if record.get("backend") not in _ONNX_BACKENDS:
        raise InvalidRecord(f"{_name(record)} asks for the backend {record['backend']!r}; here is only onnx.")
    task_name = request.task_name or _text(record, "taskName")
    if task_name is None:
        raise InputError(
            f"Remote Settings has no options for the feature {request.feature_id!r}: name a task_name too."
        )
    check_task(task_name)
    default = DEFAULT_MODELS[task_name]
    model_id = request.model_id or _text(record, "modelId") or default
    if model_id is None:
        raise InputError(f"Neither Remote Settings nor modelden knows a model for {task_name}: name a model_id.")
    options = EngineOptions(
        engine_id=request.engine_id or (f"{request.feature_id}-engine" if request.feature_id else "default-engine"),
        task_name=task_name,
        model_id=model_id,
        model_revision=request.model_revision or _text(record, "modelRevision") or "main",
        dtype=request.dtype or _text(record, "dtype") or DEFAULT_DTYPE,
    )
    _check_record(options, record)
    return options


def _find(records: list[Record], request: Request) -> Record | None:
    filters: dict[str, str | None] = (
        {"featureId": request.feature_id} if request.feature_id else {"taskName": request.task_name}
    )
    found = _filter(records, filters, request.model_id)
    if not found and request.feature_id and request.task_name:
        found = _filter(records, {"taskName": request.task_name}, request.model_id)
    if len(found) > 1:
        raise InvalidRecord(
            f"Found more than one inference options record for {request.feature_id or request.task_name!r}: "
            "name a feature_id or a model_id to tell them apart."
        )
    return found[0] if found else None


def _filter(records: list[Record], filters: dict[str, str | None], model_id: str | None) -> list[Record]:
    wanted: dict[str, Any] = {**filters, **({"modelId": model_id} if model_id else {})}
    return [record for record in records if all(record.get(name) == value for name, value in wanted.items())]


def _text(record: Record, name: str) -> str | None:
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRecord(f"{_name(record)} should have a string as {name}, but has {value!r}.")
    return value or None


def _check_record(options: EngineOptions, record: Record) -> None:
    try:
        check_model(options.model_id, options.model_revision)
        _check_dtype(options.dtype)
    except InputError as error:
        raise InvalidRecord(f"{_name(record)}: {error}") from error


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise InputError(f"dtype: expected one of {', '.join(DTYPES)}, got {dtype!r}.")


def _name(record: Record) -> str:
    return f"The record {record.get('id')} of {COLLECTION}"
