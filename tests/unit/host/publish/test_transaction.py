from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelden.host.errors import MachineError, TreeBusy, TreeError
from modelden.host.publish.transaction import STATE, Transaction, exclusive, is_interrupted
from tests.unit.host.publishing import state_of


def test_nothing_is_there_before_the_commit_and_all_of_it_after(tmp_path: Path) -> None:
    (tmp_path / "old/file").mkdir(parents=True)
    with exclusive(tmp_path):
        change = Transaction(tmp_path)
        change.write("a/b.txt", b"new")
        change.remove("old/file")
        assert not (tmp_path / "a").exists()
        change.commit()

    assert state_of(tmp_path) == {"a/b.txt": b"new"}
    assert not (tmp_path / "old").exists()


def test_a_copy_tells_size_and_hash_of_what_was_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    with exclusive(tmp_path / "tree"):
        change = Transaction(tmp_path / "tree")
        assert change.copy("x", source) == (3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


def test_an_abandoned_change_leaves_nothing(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        change = Transaction(tmp_path)
        change.write("a", b"new")
        change.rollback()

    assert state_of(tmp_path) == {}
    assert [path.name for path in (tmp_path / STATE).iterdir()] == ["lock"]


def test_two_processes_do_not_change_a_folder_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from modelden.host.publish.transaction import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603  our own code
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(TreeBusy, match="Another modelden is changing"), exclusive(tmp_path):
            pass
        other.communicate("")
    with exclusive(tmp_path):
        pass


def test_a_decided_change_is_finished_by_the_next_one(tmp_path: Path) -> None:
    commit = tmp_path / STATE / "commit"
    (commit / "files/a").mkdir(parents=True)
    (commit / "files/a/second").write_bytes(b"2")
    # the first was moved already when the process was killed
    (commit / "list.json").write_text(json.dumps({"moves": ["first", "a/second"], "removals": ["gone"]}))
    (tmp_path / "first").write_bytes(b"1")
    (tmp_path / "gone").write_bytes(b"x")
    assert is_interrupted(tmp_path)

    with exclusive(tmp_path):
        assert state_of(tmp_path) == {"first": b"1", "a/second": b"2"}
    assert not is_interrupted(tmp_path)


def test_scratch_of_a_killed_process_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / STATE / "scratch-x/files").mkdir(parents=True)
    (tmp_path / STATE / "scratch-x/files/half").write_bytes(b"x")

    with exclusive(tmp_path):
        assert state_of(tmp_path) == {}


def test_a_damaged_list_is_an_error_in_words(tmp_path: Path) -> None:
    commit = tmp_path / STATE / "commit"
    commit.mkdir(parents=True)
    (commit / "list.json").write_text("{")

    with pytest.raises(TreeError, match=r"list\.json is damaged"), exclusive(tmp_path):
        pass


def test_a_place_that_cannot_be_written_is_told_before_anything_changed(tmp_path: Path) -> None:
    # root may write everywhere, but not below a file
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(MachineError, match="Cannot write"), exclusive(tmp_path / "file/tree"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
