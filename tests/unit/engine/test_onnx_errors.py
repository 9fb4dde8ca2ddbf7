from __future__ import annotations

import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as native

from modelden.engine.onnx_errors import EXCEPTIONS, STATUS_CODES, InvalidArgument, InvalidProtobuf, native_error
from modelden.errors import EngineCrashed, EngineError, InputError, ModelDenError


def test_each_exception_of_onnxruntime_is_an_error_of_modelden() -> None:
    theirs = {name for name, value in vars(native).items() if isinstance(value, type) and issubclass(value, Exception)}

    assert {each.__name__ for each in EXCEPTIONS} | {"EngineError"} == theirs
    assert all(issubclass(each, ModelDenError) for each in EXCEPTIONS)


@pytest.mark.parametrize("code", STATUS_CODES)
def test_a_status_of_the_worker_becomes_the_exception_that_onnxruntime_raises(code: int) -> None:
    name, kind = STATUS_CODES[code]
    error = native_error(EngineError(f"Error: Can't run. ERROR_CODE: {code}, ERROR_MESSAGE: no\nmore"))

    assert type(error) is kind
    assert str(error) == f"[ONNXRuntimeError] : {code} : {name} : no\nmore"


def test_what_has_no_status_is_a_failure_and_what_has_a_class_keeps_it() -> None:
    assert type(native_error(EngineError("no file"))).__name__ == "Fail"
    assert str(native_error(EngineError("no file"))) == "no file"
    crash = EngineCrashed("it is dead")
    assert native_error(crash) is crash
    assert type(native_error(EngineError("ERROR_CODE: 99, ERROR_MESSAGE: new"))).__name__ == "Fail"


def test_an_argument_that_does_not_fit_is_an_error_of_the_call_and_of_the_engine() -> None:
    assert issubclass(InvalidArgument, InputError | EngineError)
    assert not issubclass(InvalidProtobuf, InputError)
