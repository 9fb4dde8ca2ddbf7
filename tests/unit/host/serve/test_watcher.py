from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from modelden.host.publish.allow_list import change_list
from modelden.host.publish.collections import Collections
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.tree import Tree
from modelden.host.serve.watcher import Watcher
from tests.unit.host.serving import serving

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain


CHANGESET = "/v1/buckets/main/collections/{}/changeset?_expected=0"


def deny_list(url: str) -> list[dict[str, str]]:
    """The records of the list, without the one that names the collection."""
    return [record for record in httpx.get(url).json()["changes"] if "urlPrefix" in record]


def test_what_is_published_meanwhile_is_served_when_watched(published: Path, chain: SigningChain) -> None:
    with serving(published, "--watch") as (process, origin):
        url = origin + CHANGESET.format("ml-model-allow-deny-list")
        assert deny_list(url) == []
        with Publisher.open(published, chain) as publisher:
            change_list(publisher, "DENY", "https://bad.example/")
            publisher.commit()
        while not (changes := deny_list(url)):
            pass
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate()

    assert changes[0]["urlPrefix"] == "https://bad.example/"
    assert "the tree has changed, and is served as it is now" in log


def test_a_broken_edit_leaves_what_was_served(published: Path) -> None:
    tree, messages = Tree(published), list[str]()
    collections: Collections = tree.collections()
    watcher = Watcher(tree, collections, messages.append)
    served = collections["main", "ml-inference-options"].state
    assert watcher.poll() is False
    (published / "settings/main/ml-inference-options.json").write_text("{")

    assert watcher.poll() is False
    assert "cannot be served" in messages[0]
    assert collections["main", "ml-inference-options"].state == served
