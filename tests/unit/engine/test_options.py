from __future__ import annotations

import inspect
import math
import re
from typing import Any

import pytest

from modelden import availability, create_engine, prefetch
from modelden.config import PRESETS, Configuration
from modelden.engine.option_validation import BACKENDS, FEATURES
from modelden.engine.options import FIELDS, OtherOptions, PipelineOptions, check_names
from modelden.engine.tasks import DEFAULT_DTYPE, DEFAULT_MODELS
from modelden.errors import InputError, InvalidOption
from tests.replay import load_truth

TABLES = {step["args"]["fn"]: step for step in load_truth("table_pipeline_options")["steps"]}

NO_STRING = "a string is wanted where Firefox takes what looks like one as a string"
NO_WAY_UP = "`..` would leave the folder"

DIFFERENCES: dict[tuple[str, Any], str] = {
    ("taskName", 12): NO_STRING,
    ("modelId", 5): NO_STRING,
    ("modelRevision", 1): NO_STRING,
    ("modelRevision", 1.5): NO_STRING,
    ("modelHubRootUrl", 5): NO_STRING,
    ("engineId", 7): NO_STRING,
    ("modelId", "../.."): NO_WAY_UP,
    ("modelId", ".."): NO_WAY_UP,
    ("modelFile", "../x"): NO_WAY_UP,
}
"""Values that Firefox takes and we refuse: docs/firefox-parity.md."""


def value_of(recorded: Any) -> Any:
    match recorded:
        case {"$js": "undefined"}:
            return None
        case {"$js": "Infinity"}:
            return math.inf
        case dict():
            return {name: value_of(part) for name, part in recorded.items()}
    return recorded


def rows(table: str) -> list[Any]:
    step = TABLES[table]
    return [
        pytest.param([value_of(part) for part in row], outcome, id=repr(row))
        for row, outcome in zip(step["args"]["rows"], step["outcome"]["returned"], strict=True)
    ]


def check(make: Any, outcome: dict[str, Any]) -> None:
    """``make`` ends as Firefox did."""
    if "returned" in outcome:
        assert make().to_dict() == outcome["returned"]
        return
    threw = outcome["threw"]
    expected = InvalidOption if threw["name"] == "PipelineOptionsValidationError" else InputError
    with pytest.raises(expected) as caught:
        make()
    if isinstance(caught.value, InvalidOption):
        assert (str(caught.value), caught.value.field) == (threw["message"], threw["field"])
        assert caught.value.value == value_of(threw["value"])


@pytest.mark.parametrize(("row", "outcome"), rows("pipelineOptions"))
def test_what_firefox_takes_and_refuses(row: list[Any], outcome: dict[str, Any]) -> None:
    (given,) = row
    pairs = list(given.items()) if isinstance(given, dict) else []
    if not isinstance(given, dict):
        with pytest.raises(InputError, match="Options are a mapping"):
            PipelineOptions.of(given)
    elif len(pairs) == 1 and isinstance(pairs[0][1], str | int | float) and pairs[0] in DIFFERENCES:
        assert "returned" in outcome
        with pytest.raises(InvalidOption, match=f'for field "{pairs[0][0]}"'):
            PipelineOptions.of(given)
    else:
        check(lambda: PipelineOptions.of(given), outcome)


@pytest.mark.parametrize(("row", "outcome"), rows("pipelineOptionsUpdate"))
def test_updates(row: list[Any], outcome: dict[str, Any]) -> None:
    first, *others = row

    def make() -> PipelineOptions:
        options = PipelineOptions.of(first)
        for other in others:
            options = options.updated(other)
        return options

    check(make, outcome)


@pytest.mark.parametrize(("row", "outcome"), rows("pipelineOptionsEquals"))
def test_equality_for_reuse(row: list[Any], outcome: dict[str, Any]) -> None:
    one, other = map(PipelineOptions.of, row)

    assert one.is_equivalent(other) is outcome["returned"]
    assert other.is_equivalent(one) is outcome["returned"]


def test_best_onnx_is_whichever_there_is() -> None:
    best, onnx = PipelineOptions.of({"backend": "best-onnx"}), PipelineOptions.of({"backend": "onnx"})

    assert best.is_equivalent(onnx)
    assert onnx.is_equivalent(best)


def test_true_is_not_one() -> None:
    assert not PipelineOptions.of({"useMmap": 1}).is_equivalent(PipelineOptions.of({"useMmap": True}))


def test_the_callers_mapping_is_left_alone() -> None:
    given = {"featureId": "pdfjs-alt-text", "engineId": None}

    PipelineOptions.of(given)

    assert given == {"featureId": "pdfjs-alt-text", "engineId": None}


def test_the_tables_of_firefox() -> None:
    features = TABLES["features"]["outcome"]["returned"][0]["returned"]
    models = TABLES["defaultModels"]["outcome"]["returned"][0]["returned"]
    backends = TABLES["backends"]["outcome"]["returned"][0]["returned"]

    assert {name: entry["engineId"] for name, entry in features.items()} == FEATURES
    assert list(BACKENDS) == list(backends.values())
    assert {entry["dtype"] for entry in models.values()} == {DEFAULT_DTYPE}
    # Those of Firefox's own tasks are in another table of it: `ONNXPipeline.mjs`, ENGINE_CONFIGURATION.
    ours = {name: model for name, model in DEFAULT_MODELS.items() if model and not name.startswith(("moz-", "static-"))}
    assert ours.items() <= {name: entry["modelId"] for name, entry in models.items()}.items()


def test_keyword_arguments_have_the_names_of_the_fields() -> None:
    for function in (create_engine, prefetch, availability):
        others = {"options", "on_progress", "progress", "other_options", "confirm", "network"}
        own = set(inspect.signature(function).parameters) - others

        assert own == {"task_name", "feature_id", "model_id", "model_revision", "dtype", "device", "engine_id"}
        assert own | set(OtherOptions.__annotations__) == set(FIELDS)
        assert not own & set(OtherOptions.__annotations__)


def test_both_spellings() -> None:
    snake = PipelineOptions.of({"task_name": "t", "timeout_ms": 5, "base_url": "b"})

    assert snake == PipelineOptions.of({"taskName": "t", "timeoutMS": 5, "baseURL": "b"})
    assert PipelineOptions.of(snake.to_dict()) == snake


def test_an_own_feature_has_an_engine_of_its_name() -> None:
    assert PipelineOptions.of({"feature_id": "mine"}, own_features=True).engine_id == "mine-engine"
    assert PipelineOptions.of({"feature_id": "chat"}, own_features=True).engine_id == "smart-openai"


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no option 'model_idd'"):
        check_names(["task_name", "model_idd"])


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("preset", PRESETS)
def test_mozillas_servers_have_firefox_features_only(preset: str, version: str) -> None:
    server = PRESETS[preset]["settings_server"].removesuffix("v1") + version

    assert not Configuration(settings_server=server).own_features
    assert Configuration(settings_server="http://localhost:8888/v1").own_features


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"engine_timeout_ms": -2}, 'Invalid value "-2" for field "timeoutMS"'),
        ({"log_level": "loud"}, 'Invalid value "loud" for field "logLevel"'),
        ({"override_pipeline_options": {"f": {"modelId": "a/b"}}}, "'f': modelId cannot be overridden"),
        ({"override_pipeline_options": {"f": {"dtipe": "q8"}}}, "no option 'dtipe'. Did you mean dtype"),
        ({"override_pipeline_options": {"f": {"dtype": "q9"}}}, 'Invalid value "q9" for field "dtype"'),
    ],
    ids=repr,
)
def test_a_configuration_of_options_is_checked_at_once(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Configuration(**fields)


PARTS = {"encoder_model": "fp32", "decoder_model_merged": "q4"}


def test_data_types_and_devices_may_be_those_of_parts() -> None:
    given = dict(PARTS)
    options = PipelineOptions.of({"dtype": given, "device": {"encoder_model": "gpu", "decoder_model_merged": "wasm"}})
    given.clear()

    assert options.dtype == PARTS
    assert options.is_equivalent(options.updated({"dtype": dict(PARTS)}))
    assert not options.is_equivalent(options.updated({"dtype": {**PARTS, "encoder_model": "q8"}}))
    assert not options.is_equivalent(options.updated({"dtype": "q4"}))


@pytest.mark.parametrize("name", ["auto", "q2", "q2f16", "q1", "q1f16"])
def test_data_types_of_transformers_js_are_taken(name: str) -> None:
    assert PipelineOptions.of({"dtype": name}).dtype == name
    assert PipelineOptions.of({"dtype": {"model": name}}).dtype == {"model": name}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": {}}, "Should name parts of the model"),
        ({"dtype": {"": "q4"}}, "Should name parts of the model"),
        ({"dtype": {"../model": "q4"}}, "Should name parts of the model"),
        ({"dtype": {1: "q4"}}, "Should name parts of the model"),
        ({"dtype": {"model": "int4"}}, 'Invalid value "int4" for field "dtype.model"'),
        ({"dtype": {"model": {"a": "q4"}}}, 'for field "dtype.model"'),
        ({"dtype": ["q4"]}, 'for field "dtype"'),
        ({"device": {"model": "webgpu"}}, 'Invalid value "webgpu" for field "device.model"'),
        ({"model_hub": {"model": "mozilla"}}, 'for field "modelHub"'),
    ],
)
def test_parts_have_the_values_of_the_whole(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOption, match=re.escape(message)):
        PipelineOptions.of(options)
