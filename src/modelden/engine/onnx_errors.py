"""Exceptions of onnxruntime's Python API, as errors of modelden. Pure.

Each class bears the name of onnxruntime's own (``onnxruntime.capi.onnxruntime_pybind11_state``) and extends an error of
`modelden.errors`. So code that is written for onnxruntime and code that is written for modelden catch the same error.

The numbers are onnxruntime's ``StatusCode``. onnxruntime-web has them in its messages: ``ERROR_CODE: 2, ERROR_MESSAGE:
...``. The text of an error is the one that onnxruntime's Python API makes of them.
"""

from __future__ import annotations

import re

from modelden.errors import EngineError, InputError

_STATUS = re.compile(r"ERROR_CODE: (\d+), ERROR_MESSAGE: (.*)", re.DOTALL)


class Fail(EngineError):
    """A model could not be opened, or a run failed."""


class InvalidArgument(InputError, EngineError):
    """A model, an input or an output is not as the model declares it."""


class NoSuchFile(InputError, EngineError):
    """The model's file does not exist."""


class NoModel(EngineError):
    """There is no model."""


class RuntimeException(EngineError):
    """The runtime threw an exception while it ran."""


class InvalidProtobuf(EngineError):
    """The bytes are no ONNX model."""


class ModelLoaded(EngineError):
    """The model was loaded before."""


class NotImplemented(EngineError):  # noqa: A001  onnxruntime's name
    """The runtime lacks an operator, or a type of an operator."""


class InvalidGraph(EngineError):
    """The graph of a model breaks a rule of ONNX."""


class EPFail(EngineError):
    """An execution provider failed."""


class ModelLoadCanceled(EngineError):
    """The load of a model was cancelled."""


class ModelRequiresCompilation(EngineError):
    """The model has to be compiled before."""


class NotFound(EngineError):
    """A named thing does not exist."""


class DeviceReset(EngineError):
    """The device was reset."""


class InvalidState(InputError, RuntimeError):
    """A call that onnxruntime answers with a ``RuntimeError``."""


class InvalidType(InputError, TypeError):
    """A value of a type that onnxruntime answers with a ``TypeError``."""


STATUS_CODES: dict[int, tuple[str, type[EngineError]]] = {
    1: ("FAIL", Fail),
    2: ("INVALID_ARGUMENT", InvalidArgument),
    3: ("NO_SUCHFILE", NoSuchFile),
    4: ("NO_MODEL", NoModel),
    5: ("ENGINE_ERROR", EngineError),
    6: ("RUNTIME_EXCEPTION", RuntimeException),
    7: ("INVALID_PROTOBUF", InvalidProtobuf),
    8: ("MODEL_LOADED", ModelLoaded),
    9: ("NOT_IMPLEMENTED", NotImplemented),
    10: ("INVALID_GRAPH", InvalidGraph),
    11: ("EP_FAIL", EPFail),
    12: ("MODEL_LOAD_CANCELED", ModelLoadCanceled),
    13: ("MODEL_REQUIRES_COMPILATION", ModelRequiresCompilation),
    14: ("NOT_FOUND", NotFound),
}
"""Names and classes by onnxruntime's numbers (``include/onnxruntime/core/common/status.h``)."""

EXCEPTIONS = (
    *(kind for _, kind in STATUS_CODES.values() if kind is not EngineError),
    DeviceReset,
)
"""The exceptions by onnxruntime's names, without ``EngineError``, which modelden has by itself."""

for each in EXCEPTIONS:
    each.__module__ = "modelden.onnxruntime.capi.onnxruntime_pybind11_state"
for other in (InvalidState, InvalidType):
    other.__module__ = "modelden.onnxruntime"


def status_error(code: int, message: str) -> EngineError:
    """Return onnxruntime's exception of a status.

    Args:
        code: onnxruntime's number of the status.
        message: Its message.
    """
    name, kind = STATUS_CODES.get(code, ("FAIL", Fail))
    return kind(f"[ONNXRuntimeError] : {code} : {name} : {message}")


def invalid_argument(message: str) -> InvalidArgument:
    """Return the error of an argument that the model does not take."""
    return InvalidArgument(f"[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : {message}")


def status_message(error: Exception) -> str:
    """Return the text of an error without the name of its status."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error))


def native_error(error: EngineError) -> EngineError:
    """Return the exception that onnxruntime's Python API raises in the place of a worker's error.

    An error of a class of its own (a crash, a time limit, a lost GPU) has no counterpart, and stays as it is.
    """
    if type(error) is not EngineError:
        return error
    if status := _STATUS.search(str(error)):
        return status_error(int(status[1]), status[2])
    return Fail(str(error))
