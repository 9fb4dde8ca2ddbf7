from __future__ import annotations

import pytest

from modelden.engine.tasks import DEFAULT_MODELS
from modelden.hub.catalog import file_roles
from modelden.hub.catalog.file_roles import (
    SUFFIXES,
    DataType,
    FileRole,
    WeightsPlace,
    dtype_of_part,
    dtype_text,
    may_use,
    model_parts,
    needed_files,
    needed_settings,
    onnx_path,
    role_of,
)
from tests.tiny_models import MODELS, files, task_of

GROUPS: dict[str, tuple[str, ...]] = {
    file_roles.WEIGHTS: (
        "pytorch_model.bin",
        "tf_model.h5",
        "flax_model.msgpack",
        "model.safetensors",
        "onnx/model.onnx",
    ),
    file_roles.CONFIGURATION: ("config.json", "generation_config.json"),
    file_roles.TOKENIZER: ("vocab.txt", "vocab.json", "tokenizer.json", "tokenizer_config.json"),
    file_roles.PREPROCESSING: ("special_tokens_map.json", "added_tokens.json"),
    file_roles.TRAINING: ("training_args.bin", "trainer_state.json", "optimizer.pt"),
    file_roles.CARD: ("README.md", "model_card.json"),
    file_roles.FEATURES: ("merges.txt", "preprocessor_config.json"),
}
"""The table of "Models management", whole."""

NEVER = ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.safetensors", *GROUPS[file_roles.TRAINING])


@pytest.mark.parametrize("group", GROUPS)
def test_every_name_of_the_table_is_known(group: str) -> None:
    for path in GROUPS[group]:
        assert role_of(path).group == group
        assert (role_of(path).never is not None) == (path in NEVER)


@pytest.mark.parametrize("dtype", SUFFIXES)
@pytest.mark.parametrize("part", ["model", "encoder_model", "decoder_model", "decoder_model_merged", "vision_encoder"])
def test_onnx_files_tell_part_and_data_type(part: str, dtype: str) -> None:
    path = onnx_path(part, dtype)
    assert role_of(path) == FileRole(file_roles.WEIGHTS, None, dtype, part)
    for data in ("_data", "_data_1", "_data_12"):
        assert role_of(path + data) == FileRole(file_roles.WEIGHTS, None, dtype, part, external_data=True)


def test_similar_names_are_not_mistaken() -> None:
    assert role_of("onnx/model_uint8.onnx").dtype == "uint8"
    assert role_of("onnx/model_q4f16.onnx").dtype == "q4f16"
    assert role_of("onnx/model_fp16_x.onnx").part == "model_fp16_x"
    assert role_of("onnx/model.onnx.part").never == file_roles.UNUSED
    assert role_of("my_config.json/README.md").group == file_roles.CARD
    assert role_of("checkpoint-7/model.onnx").never == file_roles.TRAINING_STATE


@pytest.mark.parametrize("task", DEFAULT_MODELS)
def test_what_a_task_needs_may_be_published_and_downloaded(task: str) -> None:
    for dtype in SUFFIXES:
        for path in needed_files(task, dtype, None):
            assert role_of(path).never is None


@pytest.mark.parametrize("model", MODELS)
def test_needs_are_those_of_models_that_run(model: str) -> None:
    """The tiny models run in both browsers: `tests/pyodide/test_tasks.py`."""
    task, there = task_of(model), set(files(model))
    assert set(needed_settings(task)) <= there
    assert any({onnx_path(part, "fp32") for part in parts} <= there for parts in model_parts(task))


def test_external_data_and_options_are_needed_where_they_are() -> None:
    there = {
        *("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "README.md"),
        *("onnx/model_q4.onnx", "onnx/model_q4.onnx_data", "onnx/model_q4.onnx_data_1", "onnx/model.onnx_data"),
    }
    assert needed_files("text-generation", "q4", there) == there - {"README.md", "onnx/model.onnx_data"}
    assert needed_files("text-generation", "q8", None) >= {"onnx/model_quantized.onnx"}


def test_the_parts_that_are_there_are_needed() -> None:
    settings = {"config.json", "tokenizer.json", "tokenizer_config.json"}
    merged = {*settings, "onnx/decoder_model_merged.onnx"}
    assert needed_files("text-generation", "fp32", merged) == merged
    assert "onnx/model.onnx" in needed_files("text-generation", "fp32", settings)


PARTS = {"encoder_model": "fp32", "decoder_model_merged": "q4"}


def test_each_part_is_needed_in_its_own_data_type() -> None:
    weights = {"onnx/encoder_model.onnx", "onnx/decoder_model_merged_q4.onnx"}
    there = {*weights, "onnx/encoder_model_q4.onnx", "onnx/decoder_model_merged_quantized.onnx", "config.json"}
    assert {path for path in needed_files("summarization", PARTS, there) if role_of(path).dtype} == weights
    assert weights <= needed_files("summarization", PARTS, None)
    assert "onnx/decoder_model_merged_quantized.onnx" in needed_files("summarization", {"encoder_model": "q4"}, there)


def test_a_part_that_is_named_is_needed_where_it_is() -> None:
    there = {"onnx/decoder_model_merged_q4.onnx", "onnx/embed_tokens_q2.onnx", "onnx/vision_encoder.onnx"}
    parts = {"decoder_model_merged": "q4", "embed_tokens": "q2", "audio_encoder": "q4"}
    weights = {path for path in needed_files("text-generation", parts, there) if role_of(path).dtype}
    assert weights == {"onnx/decoder_model_merged_q4.onnx", "onnx/embed_tokens_q2.onnx"}


def test_auto_is_what_transformers_js_takes_for_wasm() -> None:
    assert dtype_of_part("auto", "model") == "q8"
    assert dtype_of_part({"model": "auto"}, "model") == dtype_of_part({"other": "q4"}, "model") == "q8"


@pytest.mark.parametrize(
    ("dtype", "path", "used"),
    [
        ("q8", "config.json", True),
        ("q8", "onnx/model_quantized.onnx", True),
        ("q8", "onnx/model.onnx", False),
        ("auto", "onnx/model.onnx", True),
        (PARTS, "onnx/encoder_model.onnx", True),
        (PARTS, "onnx/encoder_model_q4.onnx", False),
        (PARTS, "onnx/decoder_model_merged_q4.onnx_data", True),
        (PARTS, "onnx/embed_tokens_q4.onnx", True),
    ],
)
def test_a_file_of_another_data_type_is_another_engines(dtype: DataType, path: str, *, used: bool) -> None:
    assert may_use(dtype, role_of(path)) == used


def test_data_types_are_written_for_people() -> None:
    assert dtype_text(PARTS) == "encoder_model fp32, decoder_model_merged q4"
    assert (dtype_text("q8"), dtype_text(None)) == ("q8", None)


def test_a_part_with_another_name_has_its_data_type_by_that_name() -> None:
    place = WeightsPlace("weights", "small")
    there = {"weights/small_q4.onnx", "weights/small.onnx", "weights/model.onnx"}
    weights = {path for path in needed_files("fill-mask", {"small": "q4"}, there, place) if role_of(path).dtype}
    assert weights == {"weights/small_q4.onnx"}
