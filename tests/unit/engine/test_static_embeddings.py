"""Tables of token vectors: their options and files, and the records that name the backend."""

from __future__ import annotations

from typing import Any

import pytest

from modelden.config import Configuration
from modelden.engine.model_selection import check_request, choose
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import Fallbacks, Plan
from modelden.engine.static_embeddings import DEFAULTS, static_files, static_options
from modelden.errors import InputError, InvalidRecord

NO_DEFAULTS = PipelineOptions.of(Configuration().engine_defaults)
RECORD: dict[str, Any] = {
    "id": "static",
    "featureId": "smart",
    "taskName": "static-embeddings",
    "modelId": "org/table",
    "modelRevision": "v1.0",
    "backend": "static-embeddings",
    "staticEmbeddingsOptions": {"subfolder": "models/a", "dtype": "fp8_e4m3", "dimensions": 32, "compression": False},
}


def asked_for(**options: Any) -> PipelineOptions:
    return PipelineOptions.of(options, own_features=True)


def test_a_record_names_the_table() -> None:
    chosen = choose([RECORD], asked_for(feature_id="smart"), NO_DEFAULTS)

    assert (chosen.backend, chosen.model_id, chosen.model_revision, chosen.dtype) == (
        "static-embeddings",
        "org/table",
        "v1.0",
        "fp8_e4m3",
    )
    assert static_files(chosen.static_embeddings_options) == ("models/a/tokenizer.json", "models/a/fp8_e4m3.d32.npy")


def test_the_callers_options_count_before_the_records() -> None:
    request = asked_for(feature_id="smart", static_embeddings_options={"dimensions": 64, "subfolder": "b"})
    chosen = choose([RECORD], request, NO_DEFAULTS)

    assert static_files(chosen.static_embeddings_options) == ("b/tokenizer.json.zst", "b/fp16.d64.npy.zst")


@pytest.mark.parametrize("options", [{"backend": "static-embeddings"}, {}])
def test_without_a_record_it_is_the_table_of_semantic_history(options: dict[str, Any]) -> None:
    chosen = choose([], asked_for(task_name="static-embeddings", **options), NO_DEFAULTS)
    plan = Plan(chosen, {"name": "runtime.wasm", "version": "5.0", "attachment": {"hash": "0"}})

    assert (chosen.model_id, chosen.model_revision, chosen.dtype) == ("mozilla/static-embeddings", "v1.0.0", "fp16")
    assert plan.create_message(Fallbacks())["staticEmbeddings"] == dict(DEFAULTS)
    assert not plan.needs_runtime
    assert Plan.from_row(plan.to_row()).options == chosen


def test_another_table_is_another_engine() -> None:
    runtime = {"name": "runtime.wasm", "version": "5.0", "attachment": {"hash": "0"}}
    plans = [
        Plan(choose([RECORD], asked_for(feature_id="smart", static_embeddings_options=options), NO_DEFAULTS), runtime)
        for options in ({"dimensions": 32}, {"dimensions": 64}, {"dimensions": 32})
    ]

    assert not plans[0].is_equivalent(plans[1])
    assert plans[0].is_equivalent(plans[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "q8"}, "expected one of fp32, fp16, fp8_e5m2, fp8_e4m3 as dtype, got 'q8'"),
        ({"dtype": ["fp16"]}, "as dtype"),
        ({"dimensions": 0}, "expected 1 to 8192 dimensions"),
        ({"dimensions": 1.5}, "dimensions"),
        ({"dimensions": True}, "dimensions"),
        ({"dimensions": "32"}, "dimensions"),
        ({"subfolder": "../x"}, "expected a folder's path as subfolder"),
        ({"subfolder": "/x"}, "subfolder"),
        ({"subfolder": None}, "subfolder"),
        ({"compression": "zstd"}, "expected True or False as compression"),
        ({"mockedValues": {}}, "there is no mockedValues; it has subfolder, dtype"),
    ],
)
def test_other_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        static_options(options)
    with pytest.raises(InputError, match=message):
        check_request(
            asked_for(task_name="static-embeddings", backend="static-embeddings", static_embeddings_options=options)
        )
    with pytest.raises(InvalidRecord, match=message):
        choose([{**RECORD, "staticEmbeddingsOptions": options}], asked_for(feature_id="smart"), NO_DEFAULTS)


def test_a_record_with_options_that_are_no_object_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="should have an object as staticEmbeddingsOptions"):
        choose([{**RECORD, "staticEmbeddingsOptions": "fp16"}], asked_for(feature_id="smart"), NO_DEFAULTS)
