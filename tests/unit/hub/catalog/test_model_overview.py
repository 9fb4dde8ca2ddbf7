"""The files of a model, listed or not, and those that a task needs of them."""

from __future__ import annotations

from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.model_overview import ModelFiles, alternative_dtypes, join_files
from modelden.hub.catalog.repository import TREE, UNKNOWN, RepositoryListing

TASK = "feature-extraction"
CONFIG, WEIGHTS, CARD = "config.json", "onnx/model_quantized.onnx", "README.md"
DIGEST = "a" * 64
LISTING = RepositoryListing((FileInfo(WEIGHTS, 100, DIGEST), FileInfo(CONFIG, 5), FileInfo(CARD, 7)), TREE)
UNLISTED = RepositoryListing(None, UNKNOWN, "it does not list its files")


def paths(files: ModelFiles) -> list[str]:
    return [file.path for file in files.files]


def test_listed_and_stored_files_are_joined_in_the_order_of_their_paths() -> None:
    files = join_files(LISTING, [FileInfo(CONFIG, 5, DIGEST), FileInfo("z.json", 1, DIGEST)], None, "q8")

    assert paths(files) == [CARD, CONFIG, WEIGHTS, "z.json"]
    assert [file.stored for file in files.files] == [False, True, False, True]
    assert {file.needed for file in files.files} == {None}
    assert [(file.size, file.sha256) for file in files.files] == [(7, None), (5, None), (100, DIGEST), (1, DIGEST)]


def test_a_task_adds_what_it_needs_and_the_repository_lacks() -> None:
    files = join_files(LISTING, [FileInfo(CONFIG, 5, DIGEST)], TASK, "q8")

    assert {file.path for file in files.files if file.needed} == {
        *(CONFIG, WEIGHTS),
        *("tokenizer.json", "tokenizer_config.json"),
    }
    assert [file.path for file in files.missing] == ["tokenizer.json", "tokenizer_config.json"]
    assert files.download_size is None


def test_the_size_of_a_download_leaves_stored_files_out() -> None:
    listing = LISTING._replace(
        files=(*(LISTING.files or ()), FileInfo("tokenizer.json", 10), FileInfo("tokenizer_config.json", 1))
    )
    assert join_files(listing, [], TASK, "q8").download_size == 100 + 5 + 10 + 1
    assert join_files(listing, [FileInfo(WEIGHTS, 100, DIGEST)], TASK, "q8").download_size == 5 + 10 + 1


def test_without_a_list_nothing_is_missing() -> None:
    files = join_files(UNLISTED, [FileInfo("onnx/model_fp16.onnx", 100, DIGEST)], TASK, "q8")

    assert (files.source, files.reason, files.missing) == (UNKNOWN, UNLISTED.reason, ())
    assert WEIGHTS in paths(files)
    assert "onnx/model_fp16.onnx" in paths(files)


def test_the_data_types_of_a_part() -> None:
    available = ["onnx/model.onnx", WEIGHTS, "onnx/model_q4.onnx_data", "onnx/decoder_model_fp16.onnx", CONFIG]
    assert alternative_dtypes("onnx/model_q4.onnx", available) == ("fp32", "q8")
    assert alternative_dtypes("onnx/decoder_model.onnx", available) == ("fp16",)
    assert alternative_dtypes(CONFIG, available) == ()
