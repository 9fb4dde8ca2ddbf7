from __future__ import annotations

from pathlib import Path

import pytest

from modelden.errors import InputError
from modelden.host.errors import HostError
from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.allow_list import change_list
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST
from tests.unit.host.tree_check import collections_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


def test_allow_and_deny_take_each_others_place(folder: Path, chain: SigningChain) -> None:
    def listed() -> list[tuple[str, str]]:
        records = collections_of(folder, chain.root_hash)[ALLOW_LIST]
        return [(each["filter"], each["urlPrefix"]) for each in records]

    prefix = "https://models.example/hub/"
    for kind in ("ALLOW", "DENY", "ALLOW"):
        with Publisher.open(folder, chain) as publisher:
            change_list(publisher, kind, prefix, "why")
            publisher.commit()
        assert listed() == [(kind, prefix)]
    with Publisher.open(folder, chain) as publisher:
        with pytest.raises(HostError, match="The list has no DENY"):
            change_list(publisher, "DENY", prefix, remove=True)
        with pytest.raises(InputError, match="Expected a URL prefix"):
            change_list(publisher, "DENY", "models.example")
        change_list(publisher, "ALLOW", prefix, remove=True)
        publisher.commit()
    assert listed() == []
