from __future__ import annotations

from pathlib import Path

import pytest

from modelden.errors import InputError
from modelden.host.errors import TreeError
from modelden.host.keys.certificates import new_chain
from modelden.host.verify.target import verify_server, verify_tree


def test_an_interrupted_publish_is_told(complete_tree: Path) -> None:
    (complete_tree / ".modelden/commit").mkdir()

    assert "run `modelden sign` to finish" in verify_tree(complete_tree).faults[0].what


def test_a_damaged_file_is_named_by_its_path(complete_tree: Path) -> None:
    (path,) = complete_tree.glob("hub/**/config.json")
    path.write_bytes(path.read_bytes()[::-1])

    assert str(path) in {fault.where for fault in verify_tree(complete_tree).faults}


def test_two_roots_in_one_tree_need_a_word(complete_tree: Path, tmp_path: Path) -> None:
    (complete_tree / "chains/other.chain").write_bytes(new_chain().pem)
    with pytest.raises(TreeError, match="has 2 different roots: say --root-hash"):
        verify_tree(complete_tree)
    with pytest.raises(TreeError, match="is not a published tree"):
        verify_tree(tmp_path)


async def test_nobody_is_trusted_by_default() -> None:
    with pytest.raises(InputError, match="Say --root-hash"):
        await verify_server("http://localhost:1/v1")
