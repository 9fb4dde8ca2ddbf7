from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest

from modelden.engine.onnx_enums import GraphOptimizationLevel
from modelden.engine.onnx_fields import Field, warn_unsupported
from modelden.engine.onnx_options import SessionOptions
from modelden.engine.onnx_run_options import RunOptions
from modelden.errors import InputError

PAIRS = [(SessionOptions, onnxruntime.SessionOptions), (RunOptions, onnxruntime.RunOptions)]


@pytest.fixture(autouse=True)
def unwarned() -> Iterator[None]:
    warn_unsupported.cache_clear()
    yield
    warn_unsupported.cache_clear()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_options_have_the_names_and_the_defaults_of_onnxruntimes(ours: Any, theirs: Any) -> None:
    names = {name for name in dir(theirs) if not name.startswith("_")}
    values = {name: getattr(theirs(), name) for name in names if not callable(getattr(theirs(), name))}

    # Those of one kind of execution provider, which compiles models ahead of time.
    assert names - set(dir(ours)) <= {
        "add_provider_for_devices",
        "set_ep_context_data_read_func",
        "clear_ep_context_data_read_func",
    }
    assert {name: getattr(ours(), name) for name in values} == {
        name: int(value) if hasattr(value, "__members__") else value for name, value in values.items()
    }


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_name_that_does_not_exist_is_an_attribute_error_read_or_set(ours: Any, theirs: Any) -> None:
    for kind in (ours, theirs):
        with pytest.raises(AttributeError):
            _ = kind().graph_optimisation_level
        with pytest.raises(AttributeError):
            kind().graph_optimisation_level = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("intra_op_num_threads", "x"),
        ("intra_op_num_threads", 2.5),
        ("intra_op_num_threads", 2**40),
        ("logid", 5),
        ("enable_profiling", "yes"),
        ("graph_optimization_level", 1),
        ("execution_mode", "parallel"),
    ],
)
def test_a_value_of_another_type_is_refused_as_onnxruntime_does(name: str, value: Any) -> None:
    for kind in (SessionOptions, onnxruntime.SessionOptions):
        with pytest.raises(TypeError):
            setattr(kind(), name, value)
    with pytest.raises(InputError):
        setattr(SessionOptions(), name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("intra_op_num_threads", np.int64(3)), ("enable_mem_pattern", 0), ("enable_mem_pattern", np.bool_(0))],
)
def test_a_value_that_stands_for_one_of_the_type_is_taken(name: str, value: Any) -> None:
    for kind in (SessionOptions, onnxruntime.SessionOptions):
        options: Any = kind()
        setattr(options, name, value)
        assert getattr(options, name) == value


def test_an_option_that_no_browser_honours_warns_once_by_its_name() -> None:
    with pytest.warns(UserWarning, match=r"SessionOptions.use_deterministic_compute has no effect in a browser"):
        SessionOptions().use_deterministic_compute = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SessionOptions().use_deterministic_compute = True
        SessionOptions().use_deterministic_compute = False
        SessionOptions().enable_mem_reuse = True


def test_options_reach_the_worker_in_onnxruntime_webs_words() -> None:
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_LAYOUT
    options.log_severity_level = 3
    options.add_session_config_entry("session.a.b", "1")
    options.add_session_config_entry("session.a", "2")
    options.add_free_dimension_override_by_name("batch", 1)
    options.add_free_dimension_override_by_name("length", -1)

    message = options.to_message("wasm")

    assert SessionOptions().to_message("wasm")["options"]["logSeverityLevel"] == 2
    assert message["options"]["logSeverityLevel"] == 3
    assert message["options"]["graphOptimizationLevel"] == "all"
    assert message["options"]["freeDimensionOverrides"] == {"batch": 1}


def test_a_field_of_a_class_is_the_field() -> None:
    assert isinstance(SessionOptions.logid, Field)
