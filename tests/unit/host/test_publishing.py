from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelden.errors import InputError
from modelden.host.errors import HostError, KeysError, PublishError, TreeError
from modelden.host.keys.certificates import SigningChain, new_chain
from modelden.host.publish.allow_list import change_list
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import ALLOW_LIST, MANIFESTS, OPTIONS, Release, publish, unpublish
from modelden.host.publish.repository import read_repository
from modelden.host.publish.tree import Tree
from tests.unit.host.independent import assert_whole, collections_of
from tests.unit.host.publishing import (
    MODEL,
    WEIGHTS,
    opened,
    publish_tiny,
    release,
    state_of,
    write_repository,
)


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

    with opened(folder, chain) as publisher, pytest.raises(PublishError, match="is published with other files") as told:
        publish(publisher, repository, release())

    assert told.value.faults == ("config.json differs.",)
    assert state_of(folder) == before


def test_a_dry_run_copies_nothing(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    repository = read_repository(write_repository(tmp_path / "model"), MODEL, "v1")
    with opened(folder, chain) as publisher:
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

    with opened(folder, chain) as publisher, pytest.raises(PublishError) as told:
        publish(publisher, repository, release(dtype="q8"))

    assert any(fault in each for each in told.value.faults), told.value.faults
    assert state_of(folder) == {}


def test_every_fault_is_told_at_once(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    write_repository(tmp_path / "model")
    (tmp_path / "model/config.json").unlink()
    (tmp_path / "model" / WEIGHTS).write_bytes(b"")
    repository = read_repository(tmp_path / "model", MODEL, "v1")

    with opened(folder, chain) as publisher, pytest.raises(PublishError) as told:
        publish(publisher, repository, release())

    assert told.value.faults == ("config.json is missing.", f"{WEIGHTS} has 0 bytes.")


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
        Release(**{"model": MODEL, "revision": "v1", "task": "feature-extraction", **fields})  # type: ignore[arg-type]


def test_what_clients_use_is_not_unpublished_without_force(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    with opened(folder, chain) as publisher, pytest.raises(HostError, match="is what clients are told to use"):
        unpublish(publisher, MODEL, "v1")
    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v1"}

    with opened(folder, chain) as publisher:
        assert unpublish(publisher, MODEL, "v1", force=True) == ["feature-extraction"]
        publisher.commit()

    assert assert_whole(folder, chain.root_hash) == {}
    assert not (folder / "hub/acme").exists()
    with opened(folder, chain) as publisher, pytest.raises(HostError, match="has no acme/tiny v1"):
        unpublish(publisher, MODEL, "v1")


def test_an_old_revision_is_unpublished_and_the_new_one_stays(
    folder: Path, chain: SigningChain, tmp_path: Path
) -> None:
    publish_tiny(folder, chain, tmp_path / "one", "v1")
    publish_tiny(folder, chain, tmp_path / "two", "v2")
    with opened(folder, chain) as publisher:
        assert unpublish(publisher, MODEL, "v1") == []
        publisher.commit()

    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v2"}
    assert [path.name for path in (folder / "hub/acme/tiny").iterdir()] == ["v2"]


def test_allow_and_deny_take_each_others_place(folder: Path, chain: SigningChain) -> None:
    def listed() -> list[tuple[str, str]]:
        records = collections_of(folder, chain.root_hash)[ALLOW_LIST]
        return [(each["filter"], each["urlPrefix"]) for each in records]

    prefix = "https://models.example/hub/"
    for kind in ("ALLOW", "DENY", "ALLOW"):
        with opened(folder, chain) as publisher:
            change_list(publisher, kind, prefix, "why")
            publisher.commit()
        assert listed() == [(kind, prefix)]
    with opened(folder, chain) as publisher:
        with pytest.raises(HostError, match="The list has no DENY"):
            change_list(publisher, "DENY", prefix, remove=True)
        with pytest.raises(InputError, match="Expected a URL prefix"):
            change_list(publisher, "DENY", "models.example")
        change_list(publisher, "ALLOW", prefix, remove=True)
        publisher.commit()
    assert listed() == []


def test_a_public_url_makes_urls_absolute_and_allows_the_hub(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    repository = read_repository(write_repository(tmp_path / "model"), MODEL, "v1")
    with Publisher.open(folder, chain, public_url="https://models.example/ml/") as publisher:
        publish(publisher, repository, release())
        publisher.commit()

    page = json.loads((folder / "v1/index.html").read_bytes())
    assert page["capabilities"]["attachments"]["base_url"] == "https://models.example/ml/attachments/"
    changeset = json.loads((folder / f"v1/buckets/main/collections/{ALLOW_LIST}/changeset").read_bytes())
    assert changeset["changes"][0]["urlPrefix"] == "https://models.example/ml/hub/"
    x5u = changeset["metadata"]["signature"]["x5u"]
    assert x5u == f"https://models.example/ml/chains/{chain.name}.chain"
    # kept in the tree: the next command knows it
    with opened(folder, chain) as publisher:
        assert publisher.facts.publicUrl == "https://models.example/ml"


def test_records_edited_by_hand_get_a_new_time_and_signature(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    before = json.loads((folder / f"v1/buckets/main/collections/{OPTIONS}/changeset").read_bytes())
    path = folder / f"settings/main/{OPTIONS}.json"
    content = json.loads(path.read_bytes())
    content["records"][0]["numThreads"] = 2
    path.write_text(json.dumps(content))

    with opened(folder, chain) as publisher:
        publisher.commit()

    after = json.loads((folder / f"v1/buckets/main/collections/{OPTIONS}/changeset").read_bytes())
    assert after["timestamp"] > before["timestamp"]
    assert after["changes"][0]["last_modified"] == after["timestamp"]
    assert collections_of(folder, chain.root_hash)[OPTIONS][0]["numThreads"] == 2


def test_a_renewed_leaf_signs_everything_anew_with_the_old_times(
    folder: Path, chain: SigningChain, tmp_path: Path
) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    path = folder / f"v1/buckets/main/collections/{OPTIONS}/changeset"
    before = json.loads(path.read_bytes())
    renewed = new_chain(root=chain.root)
    with opened(folder, renewed) as publisher:
        publisher.commit()

    after = json.loads(path.read_bytes())
    assert after["timestamp"] == before["timestamp"]
    assert after["metadata"]["signature"] != before["metadata"]["signature"]
    assert assert_whole(folder, chain.root_hash) == {"feature-extraction": "v1"}
    # who holds the old changeset still finds its certificates
    assert len(list((folder / "chains").iterdir())) == 2


def test_an_expiring_chain_signs_nothing_and_the_date_is_told(folder: Path, chain: SigningChain) -> None:
    end = chain.leaf.certificate.not_valid_after_utc
    late = int((end - timedelta(days=6)).timestamp() * 1000)

    with pytest.raises(KeysError, match=f"leaf certificate ends on {end:%Y-%m-%d}"):
        Publisher.open(folder, chain, now=lambda: late).__enter__()
    with pytest.raises(KeysError, match="is not valid before"):
        Publisher.open(folder, chain, now=lambda: int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)).__enter__()
    assert not folder.exists()


def test_other_folders_are_left_alone(tmp_path: Path, chain: SigningChain) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(TreeError, match="is not a modelden tree"):
        Publisher.open(tmp_path, chain).__enter__()
    with pytest.raises(TreeError, match="is a file"):
        Publisher.open(tmp_path / "photo.jpg", chain).__enter__()


def test_a_tree_of_another_version_is_left_alone(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    (folder / "modelden.json").write_text('{"format": 2, "publicUrl": null}')
    before = state_of(folder)

    with pytest.raises(TreeError, match="written by another version of modelden: its format is 2"):
        Publisher.open(folder, chain).__enter__()
    with pytest.raises(TreeError, match="another version"):
        Tree(folder)
    assert state_of(folder) == before


def test_a_published_tree_is_served_as_it_was_signed(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")

    collections = Tree(folder).collections()

    assert not (folder / "keys").exists()
    assert {each.name for each in collections} == set(collections_of(folder, chain.root_hash))
    changeset = json.loads((folder / f"v1/buckets/main/collections/{OPTIONS}/changeset").read_bytes())
    state = collections["main", OPTIONS].state
    assert state.signature == changeset["metadata"]["signature"]["signature"]
    assert collections.chain(chain.name) == chain.pem
    with pytest.raises(HostError, match="keys are not at hand"):
        collections["main", OPTIONS].publish({"id": "new"})
