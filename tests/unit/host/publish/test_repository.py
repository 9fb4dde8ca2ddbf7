from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelden.host.errors import HostError, PublishError
from modelden.host.publish.repository import read_repository
from modelden.hub.catalog.file_roles import HOUSEKEEPING, OTHER_FRAMEWORK, TRAINING_STATE, UNUSED, role_of
from tests.unit.host.publishing import MODEL, WEIGHTS, write_repository

KEPT = (
    *("config.json", "generation_config.json", "vocab.txt", "vocab.json", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "added_tokens.json", "README.md", "model_card.json", "merges.txt"),
    *("preprocessor_config.json", "spiece.model", "onnx/model.onnx", "onnx/model_q4.onnx", "onnx/model.onnx_data"),
    *("chat_template.jinja", "LICENSE", "LICENSE.txt", "golden.json", "1_Pooling/config.json"),
)


LEFT_OUT = {
    "pytorch_model.bin": OTHER_FRAMEWORK,
    "pytorch_model-00001-of-00002.bin": OTHER_FRAMEWORK,
    "pytorch_model.bin.index.json": OTHER_FRAMEWORK,
    "tf_model.h5": OTHER_FRAMEWORK,
    "flax_model.msgpack": OTHER_FRAMEWORK,
    "model.safetensors": OTHER_FRAMEWORK,
    "openvino/openvino_model.xml": OTHER_FRAMEWORK,
    "training_args.bin": TRAINING_STATE,
    "trainer_state.json": TRAINING_STATE,
    "optimizer.pt": TRAINING_STATE,
    "checkpoint-500/config.json": TRAINING_STATE,
    "runs/Jan01/events.out.tfevents.1": TRAINING_STATE,
    ".gitattributes": HOUSEKEEPING,
    ".git/config": HOUSEKEEPING,
    "train_script.py": UNUSED,
    "sample.png": UNUSED,
}


@pytest.mark.parametrize("path", KEPT)
def test_what_users_need_is_published(path: str) -> None:
    assert role_of(path).never is None


@pytest.mark.parametrize("path", LEFT_OUT)
def test_the_rest_is_left_out_with_its_reason(path: str) -> None:
    assert role_of(path).never == LEFT_OUT[path]


def test_a_folder_is_read_and_what_is_left_out_is_named(tmp_path: Path) -> None:
    write_repository(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_bytes(b"")

    repository = read_repository(tmp_path, MODEL, "v1")

    assert sorted(repository.files) == ["config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"]
    assert repository.left_out == {"model.safetensors": OTHER_FRAMEWORK}


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "model")
    (tmp_path / "secret.json").write_text("{}")
    (repository / "added_tokens.json").symlink_to("../secret.json")
    (repository / "more").symlink_to(tmp_path)

    with pytest.raises(PublishError) as caught:
        read_repository(repository, MODEL, "v1")

    assert len(caught.value.faults) == 1
    assert "added_tokens.json is a link to" in caught.value.faults[0]
    assert "outside of" in caught.value.faults[0]


def test_a_linked_folder_is_not_followed(tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "model")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/config.json").write_text("{}")
    (repository / "onnx.json").symlink_to(tmp_path / "out")

    with pytest.raises(PublishError, match="outside of"):
        read_repository(repository, MODEL, "v1")


@pytest.mark.parametrize("name", ["onnx/x..json", "a..b.json", "with space.json", "é.json"])
def test_names_that_clients_or_servers_misread_are_refused(tmp_path: Path, name: str) -> None:
    write_repository(tmp_path)
    (tmp_path / name).write_text("{}")

    with pytest.raises(PublishError, match="Invalid file name"):
        read_repository(tmp_path, MODEL, "v1")


def test_a_pipe_is_refused_and_not_read(tmp_path: Path) -> None:
    write_repository(tmp_path)
    os.mkfifo(tmp_path / "vocab.txt")

    with pytest.raises(PublishError, match=r"vocab\.txt is neither a file nor a folder"):
        read_repository(tmp_path, MODEL, "v1")


def test_a_snapshot_of_a_hugging_face_cache_is_read_through_its_links(tmp_path: Path) -> None:
    cache = tmp_path / "models--acme--tiny"
    blobs, snapshot = cache / "blobs", cache / "snapshots" / ("a" * 40)
    blobs.mkdir(parents=True)
    for index, (name, path) in enumerate(_files(write_repository(tmp_path / "plain")).items()):
        (blobs / str(index)).write_bytes(path.read_bytes())
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(blobs / str(index))
    (cache / "refs").mkdir()
    (cache / "refs/v9").write_text("a" * 40)

    for folder, revision in ((cache, "v9"), (cache, "v1"), (snapshot, "v1")):
        assert len(read_repository(folder, MODEL, revision).files) == 4

    (cache / "snapshots" / ("b" * 40)).mkdir()
    with pytest.raises(HostError, match="name the folder of one of them"):
        read_repository(cache, MODEL, "v1")


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="is not a folder"):
        read_repository(tmp_path / "nothing", MODEL, "v1")


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def test_files_are_excluded_by_their_paths(tmp_path: Path) -> None:
    write_repository(tmp_path)
    for name in ("notes.txt", "CON.json", "sub/odd:name.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(PublishError, match="--exclude leaves files out") as refused:
        read_repository(tmp_path, MODEL, "v1")
    assert len(refused.value.faults) == 2

    repository = read_repository(tmp_path, MODEL, "v1", ["CON.json", "sub/*", "notes.*"])

    assert sorted(repository.files) == ["config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"]
    assert set(repository.left_out) == {"notes.txt", "CON.json", "sub/odd:name.json"}


def test_names_that_differ_in_case_are_refused_together(tmp_path: Path) -> None:
    write_repository(tmp_path)
    (tmp_path / "Config.json").write_bytes(b"{}")

    with pytest.raises(PublishError, match=r"'Config.json' and 'config.json' are one file"):
        read_repository(tmp_path, MODEL, "v1")


def test_an_odd_picture_stops_nothing(tmp_path: Path) -> None:
    write_repository(tmp_path)
    (tmp_path / "Bildschirmfoto 2026-11-29 um 03:00\x1b.png").write_bytes(b"")
    (tmp_path / "aux.PNG").write_bytes(b"")

    assert len(read_repository(tmp_path, MODEL, "v1").left_out) == 2
