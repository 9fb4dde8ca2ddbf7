from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelden.host.errors import KeysError, TreeError
from modelden.host.keys.certificates import SigningChain, new_chain
from modelden.host.keys.signer import Signer
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST, OPTIONS
from modelden.host.publish.release import publish
from modelden.host.publish.repository import read_repository
from modelden.host.publish.tree import Tree
from modelden.settings.changeset import IDENTITY
from tests.unit.host.publishing import (
    MODEL,
    publish_tiny,
    release,
    state_of,
    write_repository,
)
from tests.unit.host.tree_check import assert_whole, collections_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


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
    with Publisher.open(folder, chain) as publisher:
        assert publisher.facts.publicUrl == "https://models.example/ml"


def test_records_edited_by_hand_get_a_new_time_and_signature(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    before = json.loads((folder / f"v1/buckets/main/collections/{OPTIONS}/changeset").read_bytes())
    path = folder / f"settings/main/{OPTIONS}.json"
    content = json.loads(path.read_bytes())
    content["records"][0]["numThreads"] = 2
    path.write_text(json.dumps(content))

    with Publisher.open(folder, chain) as publisher:
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
    with Publisher.open(folder, renewed) as publisher:
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


def test_each_collection_names_itself_and_all_of_its_tree(folder: Path, chain: SigningChain, tmp_path: Path) -> None:
    publish_tiny(folder, chain, tmp_path / "model")
    before = {collection.name: collection.state for collection in Tree(folder).sources(Signer(chain))}
    with Publisher.open(folder, chain) as publisher:
        publisher.commit()
        assert publisher.changes() == []
        publisher.put("more", {"id": "a"})
        publisher.commit()

    after = {collection.name: collection.state for collection in Tree(folder).sources(Signer(chain))}
    assert set(after) == {*before, "more"}
    for name, state in after.items():
        assert state.records[IDENTITY]["collection"] == name
        assert state.records[IDENTITY]["collections"] == sorted(after)
    assert all(after[name].timestamp > state.timestamp for name, state in before.items())
    assert_whole(folder, chain.root_hash)
