from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelden.config import Configuration
from modelden.engine.model_selection import check_request, choose
from modelden.engine.options import PipelineOptions
from modelden.engine.tasks import DEFAULT_MODELS
from modelden.errors import InputError, InvalidRecord, ModelDenError, UnknownTask
from tests.replay import load_truth

TRUTH = load_truth("rs_inference_options")
DEFAULTS = PipelineOptions.of(Configuration().engine_defaults)
RECORDS: list[dict[str, Any]] = TRUTH["server_initial"]["rs"]["collections"]["ml-inference-options"]["records"]
# Expressions are evaluated before records come to `choose`: tests/unit/settings/test_client.py.
STEPS = [
    step for step in TRUTH["steps"] if step["op"] == "getInferenceOptions" and step["note"] != "filter_expression false"
]

DIFFERENCES: dict[str, tuple[type[ModelDenError], str]] = {
    "empty feature": (InputError, "an empty name is a mistake of the caller's, not no name"),
    "feature hit, task ignored": (UnknownTask, "Firefox's record wins over a task that does not exist"),
    "two records, model picks one": (InvalidRecord, "the backend wllama is not in a page"),
    "none -> default": (UnknownTask, "a task is checked before settings are asked"),
    "backend without a wasm file": (InvalidRecord, "the backend llama.cpp is not in a page"),
    "odd values pass through; unknown fields dropped": (
        InvalidRecord,
        "an unknown dtype fails here, not in the worker",
    ),
    "both null": (InputError, "nothing was asked for"),
    "case differs": (UnknownTask, "a task is checked before settings are asked"),
}
"""Steps of the recording that end otherwise here, on purpose: with which error, and why."""


def asked_for(**options: Any) -> PipelineOptions:
    request = PipelineOptions.of(options, own_features=True)
    check_request(request)
    return request


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["note"])
def test_the_recorded_choices_of_firefox(step: dict[str, Any]) -> None:
    names = {"feature_id": "featureId", "task_name": "taskName", "model_id": "modelId"}
    asked = {ours: step["args"][theirs] for ours, theirs in names.items()}
    if step["note"] in DIFFERENCES:
        with pytest.raises(DIFFERENCES[step["note"]][0]):
            choose(RECORDS, asked_for(**asked), DEFAULTS)
    elif "threw" in step["outcome"]:
        with pytest.raises(InvalidRecord, match="Found more than one inference options record"):
            choose(RECORDS, asked_for(**asked), DEFAULTS)
    else:
        chosen, recorded = choose(RECORDS, asked_for(**asked), DEFAULTS), step["outcome"]["returned"]
        found = {"modelId": chosen.model_id, "modelRevision": chosen.model_revision, "dtype": chosen.dtype}
        for name, value in found.items():
            # Where Firefox leaves a value open, it takes these in the engine's process.
            default = {"modelId": asked["model_id"] or "", "modelRevision": "main", "dtype": "q8"}[name]
            expected = recorded.get(name, {"$js": "undefined"})
            assert value == (default if expected == {"$js": "undefined"} else expected)


def test_every_intended_difference_is_one() -> None:
    notes = {step["note"] for step in STEPS}

    assert set(DIFFERENCES) <= notes


RECORD = {
    "id": "r",
    "taskName": "feature-extraction",
    "featureId": "smart",
    "modelId": "org/m",
    "modelRevision": "v1",
    "dtype": "fp16",
}


@pytest.mark.parametrize(
    ("records", "request_", "expected"),
    [
        ([RECORD], asked_for(task_name="feature-extraction"), ("default-engine", "org/m", "v1", "fp16")),
        ([RECORD], asked_for(feature_id="smart"), ("smart-engine", "org/m", "v1", "fp16")),
        ([RECORD], asked_for(feature_id="smart", engine_id="mine"), ("mine", "org/m", "v1", "fp16")),
        ([RECORD], asked_for(feature_id="smart", dtype="q4"), ("smart-engine", "org/m", "v1", "q4")),
        ([RECORD], asked_for(feature_id="smart", model_revision="v2"), ("smart-engine", "org/m", "v2", "fp16")),
        ([RECORD], asked_for(task_name="feature-extraction", model_id="o/n"), ("default-engine", "o/n", "main", "q8")),
        (
            [],
            asked_for(task_name="feature-extraction"),
            ("default-engine", "Xenova/all-MiniLM-L6-v2", "main", "q8"),
        ),
        (
            [{"id": "r", "taskName": "feature-extraction", "modelId": None, "dtype": ""}],
            asked_for(task_name="feature-extraction"),
            ("default-engine", "Xenova/all-MiniLM-L6-v2", "main", "q8"),
        ),
        (
            [RECORD, RECORD | {"id": "s", "modelId": "org/n"}],
            asked_for(feature_id="smart", model_id="org/n"),
            ("smart-engine", "org/n", "v1", "fp16"),
        ),
    ],
)
def test_the_caller_comes_before_the_record_before_the_default(
    records: list[dict[str, Any]], request_: PipelineOptions, expected: tuple[str, ...]
) -> None:
    engine_id, model_id, revision, dtype = expected

    assert choose(records, request_, DEFAULTS) == replace(
        DEFAULTS.updated(request_, own_features=True),
        engine_id=engine_id,
        task_name="feature-extraction",
        model_id=model_id,
        model_revision=revision,
        dtype=dtype,
    )


@pytest.mark.parametrize("task_name", DEFAULT_MODELS)
def test_every_task_has_a_default_or_says_that_it_has_none(task_name: str) -> None:
    request = asked_for(task_name=task_name)
    if DEFAULT_MODELS[task_name]:
        assert choose([], request, DEFAULTS).model_id == DEFAULT_MODELS[task_name]
    else:
        with pytest.raises(InputError, match=f"knows a model for {task_name}: name a model_id"):
            choose([], request, DEFAULTS)


def test_a_feature_without_record_needs_a_task() -> None:
    with pytest.raises(InputError, match="no options for the feature 'smart': name a task_name too"):
        choose([], asked_for(feature_id="smart"), DEFAULTS)


@pytest.mark.parametrize(
    "fault",
    [
        {"modelId": "../evil"},
        {"modelId": "a/b/c"},
        {"modelRevision": ".."},
        {"modelRevision": 1},
        {"dtype": "q9"},
        {"dtype": ["q8"]},
        {"backend": "wllama"},
        {"backend": 1},
    ],
    ids=repr,
)
def test_a_record_that_cannot_be_used_is_named(fault: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord, match="The record r of ml-inference-options"):
        choose([RECORD | fault], asked_for(feature_id="smart"), DEFAULTS)


def test_a_task_of_a_record_that_is_unknown_is_named() -> None:
    with pytest.raises(UnknownTask, match="'moz-reverb'"):
        choose([RECORD | {"taskName": "moz-reverb"}], asked_for(feature_id="smart"), DEFAULTS)


@pytest.mark.parametrize("backend", ["onnx", "onnx-native", "best-onnx", None])
def test_backends_of_onnx_are_the_one_of_a_page(backend: str | None) -> None:
    assert choose([RECORD | {"backend": backend}], asked_for(feature_id="smart"), DEFAULTS).model_id == "org/m"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "Name a task"),
        ({"task_name": ""}, 'Invalid value "" for field "taskName"'),
        ({"task_name": 3}, 'Invalid value "3" for field "taskName". Should be a string'),
        ({"task_name": "feature-extraction", "model_id": "a b"}, 'Invalid value "a b" for field "modelId"'),
        ({"task_name": "feature-extraction", "model_id": "a:b/c"}, "Invalid model name"),
        ({"task_name": "feature-extraction", "model_revision": "a/b"}, "Should be 'main' or follow a versioning"),
        ({"task_name": "feature-extraction", "dtype": "q9"}, 'Invalid value "q9" for field "dtype"'),
        (
            {"task_name": "feature-extraction", "dtype": "fp8_e4m3"},
            "for static embeddings: name backend='static-embeddings' too",
        ),
        ({"task_name": "feature-extraction", "backend": "wllama"}, "runs GGUF files with llama.cpp.*onnx-community"),
        ({"task_name": "feature-extraction", "engine_id": ""}, "Expected to receive an engineId"),
        ({"task_name": "feature-extraction", "model_hub_root_url": "x"}, "model_hub_root_url: expected an http"),
        ({"task_name": "feature-extraction", "model_hub_url_template": "{model}"}, "expected a path with {model}"),
        *(
            (
                {"task_name": "feature-extraction", "use_external_data_format": value},
                "expected True, the number of files",
            )
            for value in ("yes", 101, -1, {"model.onnx": "yes"}, [1])
        ),
        ({"feature_id": b"smart"}, "Should be a string"),
        ({"feature_id": ""}, "Should not be empty"),
    ],
    ids=repr,
)
def test_a_request_that_cannot_be_meant_is_refused_at_once(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        asked_for(**wrong)


def test_overrides_win_over_the_caller() -> None:
    chosen = choose(
        [RECORD], asked_for(feature_id="smart", dtype="q4"), DEFAULTS, {"dtype": "int8", "modelRevision": "v3"}
    )

    assert (chosen.dtype, chosen.model_revision) == ("int8", "v3")


def test_a_hub_that_is_named_takes_its_main_branch_over_the_record() -> None:
    chosen = choose([RECORD], asked_for(feature_id="smart", model_hub="huggingface"), DEFAULTS)

    assert chosen.model_hub_root_url == "https://huggingface.co/"
    assert chosen.model_hub_url_template == "{model}/resolve/{revision}"
    assert chosen.model_revision == "main"


@pytest.mark.parametrize("name", ["e2e_feature_extraction_main", "e2e_pinned_feature"])
def test_the_recorded_options_of_running_engines(name: str) -> None:
    truth = load_truth(name)
    records = truth["server_initial"]["rs"]["collections"]["ml-inference-options"]["records"]
    defaults = replace(DEFAULTS, model_hub_root_url="http://localhost:18432/")
    asked = next(step for step in truth["steps"] if step["op"] == "createEngine")["args"]["options"]
    for step in truth["steps"]:
        if step["op"] == "engineStatus":
            ((engine_id, status),) = step["outcome"]["returned"]["$Map"]
            chosen = choose(records, PipelineOptions.of(asked), defaults).to_dict()
            # The runtime's file is chosen with its record: tests/unit/engine/test_runtime_selection.py.
            assert {**chosen, "runtimeFilename": status["options"]["runtimeFilename"]} == status["options"]
            assert engine_id == chosen["engineId"]


@pytest.mark.parametrize("named", ["embeddings", "feature-extraction"])
def test_another_name_of_a_task_finds_the_record_of_either(named: str) -> None:
    record = {name: value for name, value in RECORD.items() if name != "featureId"}

    chosen = choose([record | {"taskName": named}], asked_for(task_name="embeddings"), DEFAULTS)

    assert (chosen.task_name, chosen.model_id) == ("feature-extraction", "org/m")


def test_another_name_of_a_task_has_its_default_model() -> None:
    chosen = choose([], asked_for(task_name="ner"), DEFAULTS)

    assert (chosen.task_name, chosen.model_id) == (
        "token-classification",
        "Xenova/bert-base-multilingual-cased-ner-hrl",
    )


@pytest.mark.parametrize("backend", ["wllama", "best-llama"])
def test_a_record_for_llama_is_refused_with_what_would_be_needed(backend: str) -> None:
    with pytest.raises(InvalidRecord, match=f"asks for the backend '{backend}', which runs GGUF.*ONNX export"):
        choose([RECORD | {"backend": backend}], asked_for(feature_id="smart"), DEFAULTS)


def test_the_backend_of_the_caller_is_the_one_that_counts() -> None:
    chosen = choose([RECORD | {"backend": "wllama"}], asked_for(feature_id="smart", backend="onnx"), DEFAULTS)

    assert (chosen.model_id, chosen.backend) == ("org/m", "onnx")
