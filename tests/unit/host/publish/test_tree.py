from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from modelden.host.errors import HostError, TreeError
from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.allow_list import change_list
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import OPTIONS
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application, RunningServer
from tests.unit.host.publishing import (
    publish_tiny,
)
from tests.unit.host.tree_check import collections_of

if TYPE_CHECKING:
    from pathlib import Path

    from modelden.host.keys.certificates import SigningChain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is not a collection"),
        (json.dumps({"timestamp": "1", "records": []}), "is not a collection"),
        (json.dumps({"timestamp": 1, "records": [{"name": "no id"}]}), "is not a collection"),
        ('{"timestamp": 1, "records": [{"id": "a", "x": "\\ud800"}]}', "cannot be signed"),
    ],
)
def test_a_bad_collection_is_named(tree: Path, content: str, message: str) -> None:
    (tree / "settings/main/options.json").write_text(content)

    with pytest.raises(TreeError, match=f"options.json {message}"):
        Application(Tree(tree))


def test_a_folder_that_is_no_tree_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="not a modelden tree"):
        Tree(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_tree_that_is_no_folder_is_named(tree: Path) -> None:
    (tree / "attachments/main-workspace/runtime.wasm").unlink()
    (tree / "attachments/main-workspace").rmdir()
    (tree / "attachments").rmdir()
    (tree / "attachments").write_text("")

    with pytest.raises(TreeError, match="attachments is missing and cannot be made"):
        Tree(tree)


CHANGESET = "/v1/buckets/main/collections/{}/changeset?_expected=0"


def test_tombstones_are_told_from_a_published_tree(published: Path, chain: SigningChain) -> None:
    prefix = "https://bad.example/"
    for remove in (False, True):
        with Publisher.open(published, chain) as publisher:
            change_list(publisher, "DENY", prefix, remove=remove)
            publisher.commit()
    source = json.loads((published / "settings/main/ml-model-allow-deny-list.json").read_bytes())
    with RunningServer(Application(Tree(published))) as server:
        url = server.url + CHANGESET.format("ml-model-allow-deny-list")
        changes = httpx.get(f"{url}&_since={source['timestamp'] - 1}").json()["changes"]

    assert changes == source["deleted"]
    assert changes[0]["deleted"] is True
