from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelden.errors import InputError
from modelden.host.errors import HostError, PublishError
from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import MANIFESTS, OPTIONS
from modelden.host.publish.release import Release, publish, unpublish
from modelden.host.publish.repository import read_repository
from tests.tiny_models.raw import WEIGHTS as WEIGHTS_BESIDE
from tests.tiny_models.raw import raw_models
from tests.unit.host.publishing import (
    MODEL,
    WEIGHTS,
    publish_tiny,
    release,
    state_of,
    write_repository,
)
from tests.unit.host.tree_check import assert_whole, collections_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


def test_a_published_tree_is_whole(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    published = publish_tiny(folder, chain, tmp_path / "model")

    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v1"}
    assert [file["path"] for file in published.files] == [
        "config.json",
        WEIGHTS,
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert published.dtype == "q8"
    assert published.notes == []
    assert set(collections_of(folder, chain.root_hash)) == {
        "ml-inference-options",
        "ml-model-allow-deny-list",
        "ml-model-manifests",
        "ml-onnx-runtime",
    }


def publish_raw(folder: Path, chain: SigningChain, source: Path, **fields: Any) -> Any:
    repository = read_repository(source, MODEL, "v1", is_raw=True)
    with Publisher.open(folder, chain) as publisher:
        published = publish(publisher, repository, Release(model=MODEL, revision="v1", **fields))
        publisher.commit()
    return published


def write_raw(folder: Path) -> Path:
    folder.mkdir()
    for name in ("external", WEIGHTS_BESIDE):
        path = folder / ("detector.onnx" if name == "external" else name)
        path.write_bytes(raw_models()[name])
    (folder / ".gitattributes").write_text("*.bin")
    return folder


def test_a_raw_model_needs_no_settings_and_has_a_manifest_but_no_options(
    folder: Path, chain: SigningChain, tmp_path: Path
) -> None:
    published = publish_raw(folder, chain, write_raw(tmp_path / "raw"))

    assert [file["path"] for file in published.files] == ["detector.onnx", WEIGHTS_BESIDE]
    assert (published.dtype, published.notes) == (None, [])
    assert assert_whole(folder, chain.root_hash) == {}
    records = collections_of(folder, chain.root_hash)
    assert [record["files"] for record in records[MANIFESTS]] == [published.files]
    assert records[OPTIONS] == []


def test_a_raw_model_beside_another_one_changes_no_options(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model", "v2")

    publish_raw(folder, chain, write_raw(tmp_path / "raw"))

    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v2"}


def test_a_raw_model_without_a_model_is_refused(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    source = write_raw(tmp_path / "raw")
    (source / "detector.onnx").unlink()

    with pytest.raises(PublishError, match=r"A raw model has a file \*.onnx") as refused:
        publish_raw(folder, chain, source)
    assert refused.value.faults == ("A raw model has a file *.onnx; the repository has none.",)


@pytest.mark.parametrize("fields", [{"feature": "search"}, {"dtype": "q8"}])
def test_a_raw_model_has_neither_feature_nor_data_type(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="A raw model has no feature and no data type"):
        Release(model=MODEL, revision="v1", **fields)


def test_publishing_the_same_again_changes_no_record(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    before = state_of(folder)

    assert publish_tiny(folder, chain, tmp_path / "model").collections == []
    assert state_of(folder) == before


def test_a_new_revision_takes_the_place_of_the_old_one_in_the_options(
    folder: Path, chain: SigningChain, tmp_path: Path
) -> None:
    publish_tiny(folder, chain, tmp_path / "one", "v1")
    publish_tiny(folder, chain, tmp_path / "two", "v2")

    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v2"}
    records = collections_of(folder, chain.root_hash)
    assert len(records[OPTIONS]) == 1
    assert {each["revision"] for each in records[MANIFESTS]} == {"v1", "v2"}


def test_a_revision_never_changes(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    before = state_of(folder)
    (tmp_path / "model/config.json").write_text('{"other": true}')
    repository = read_repository(tmp_path / "model", MODEL, "v1")

    with (
        Publisher.open(folder, chain) as publisher,
        pytest.raises(PublishError, match="is published with other files") as caught,
    ):
        publish(publisher, repository, release())

    assert caught.value.faults == ("config.json differs.",)
    assert state_of(folder) == before


def test_a_dry_run_copies_nothing(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    repository = read_repository(write_repository(tmp_path / "model"), MODEL, "v1")
    with Publisher.open(folder, chain) as publisher:
        published = publish(publisher, repository, release(), dry_run=True)

    assert len(published.files) == 4
    assert state_of(folder) == {}


def test_another_model_for_the_same_task_needs_a_word(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")

    with pytest.raises(HostError, match=r"feature-extraction has the model acme/tiny v1\. Say --replace"):
        publish_tiny(folder, chain, tmp_path / "model", model="acme/other")

    publish_tiny(folder, chain, tmp_path / "model", model="acme/other", replace=True)
    assert [each["modelId"] for each in collections_of(folder, chain.root_hash)[OPTIONS]] == ["acme/other"]


def test_two_records_for_one_task_are_told(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model", feature="search")
    published = publish_tiny(folder, chain, tmp_path / "model", feature="sorting")

    assert len(published.notes) == 1
    assert "Pages that ask for the task feature-extraction alone are refused" in published.notes[0]


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (lambda at: (at / "config.json").unlink(), "config.json is missing."),
        (lambda at: (at / "tokenizer.json").write_text("{"), "tokenizer.json is not JSON"),
        (lambda at: (at / WEIGHTS).write_bytes(b""), f"{WEIGHTS} has 0 bytes."),
        (lambda at: (at / WEIGHTS).write_bytes(b"no ONNX"), f"{WEIGHTS} cannot be loaded by onnxruntime"),
        (
            lambda at: (at / WEIGHTS).rename(at / "onnx/model_q4.onnx"),
            "needs onnx/model_quantized.onnx; the repository has q4",
        ),
        (lambda at: (at / WEIGHTS).unlink(), "the repository has no folder onnx"),
    ],
)
def test_a_model_that_clients_cannot_run_is_refused(
    folder: Path, chain: SigningChain, tmp_path: Path, break_it: Any, fault: str
) -> None:
    break_it(write_repository(tmp_path / "model"))
    repository = read_repository(tmp_path / "model", MODEL, "v1")

    with Publisher.open(folder, chain) as publisher, pytest.raises(PublishError) as caught:
        publish(publisher, repository, release(dtype="q8"))

    assert any(fault in each for each in caught.value.faults), caught.value.faults
    assert state_of(folder) == {}


def test_every_fault_is_told_at_once(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    write_repository(tmp_path / "model")
    (tmp_path / "model/config.json").unlink()
    (tmp_path / "model" / WEIGHTS).write_bytes(b"")
    repository = read_repository(tmp_path / "model", MODEL, "v1")

    with Publisher.open(folder, chain) as publisher, pytest.raises(PublishError) as caught:
        publish(publisher, repository, release())

    assert caught.value.faults == ("config.json is missing.", f"{WEIGHTS} has 0 bytes.")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "tiny"}, "Expected 'organization/name'"),
        ({"model": "../x/y"}, "Invalid model name"),
        ({"revision": ".."}, "Invalid version identifier"),
        ({"task": "feature-extracting"}, "Did you mean feature-extraction"),
        ({"dtype": "q3"}, "dtype: expected one of"),
    ],
)
def test_names_that_clients_refuse_are_refused(fields: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Release(**{"model": MODEL, "revision": "v1", "task": "feature-extraction", **fields})  # type: ignore[arg-type]  # fields of the cases


def test_what_clients_use_is_not_unpublished_without_force(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    with (
        Publisher.open(folder, chain) as publisher,
        pytest.raises(HostError, match="is what clients are told to use"),
    ):
        unpublish(publisher, MODEL, "v1")
    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v1"}

    with Publisher.open(folder, chain) as publisher:
        assert unpublish(publisher, MODEL, "v1", force=True) == ["feature-extraction"]
        publisher.commit()

    assert assert_whole(folder, chain.root_hash) == {}
    assert not (folder / "hub/acme").exists()
    assert not (folder / "hub/api").exists()
    with Publisher.open(folder, chain) as publisher, pytest.raises(HostError, match="has no acme/tiny v1"):
        unpublish(publisher, MODEL, "v1")


def test_an_old_revision_is_unpublished_and_the_new_one_stays(
    folder: Path, chain: SigningChain, tmp_path: Path
) -> None:
    publish_tiny(folder, chain, tmp_path / "one", "v1")
    publish_tiny(folder, chain, tmp_path / "two", "v2")
    with Publisher.open(folder, chain) as publisher:
        assert unpublish(publisher, MODEL, "v1") == []
        publisher.commit()

    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v2"}
    assert [path.name for path in (folder / "hub/acme/tiny").iterdir()] == ["v2"]
