"""The commands as people type them. What they do is tested beside; here: words, files, exit codes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from modelden.host.errors import MachineError, machine_errors
from modelden.host.keys.certificates import SigningChain
from modelden.host.keys.key_folder import save_keys
from tests.unit.host.independent import assert_whole
from tests.unit.host.publishing import WEIGHTS, facts_of, run, state_of, write_repository


@pytest.fixture
def home(tmp_path: Path, chain: SigningChain) -> Path:
    """A folder with keys, a model repository and nothing else."""
    save_keys(tmp_path / "keys", chain)
    write_repository(tmp_path / "model")
    (tmp_path / "model/model.safetensors").write_bytes(b"weights")
    return tmp_path


PUBLISH = (
    *("publish", "model", "--model", "acme/tiny", "--revision", "v1", "--task", "feature-extraction"),
    *("--to", "tree", "--keys", "keys"),
)


def test_publish_tells_what_it_did(home: Path, chain: SigningChain) -> None:
    facts = facts_of(*PUBLISH, cwd=home)

    assert facts["root_hash"] == chain.root_hash
    assert facts["left_out"] == {"model.safetensors": "weights of another framework"}
    assert [each["path"] for each in facts["files"]] == sorted(
        ["config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"]
    )
    assert facts["collections"][-1] == "main/ml-inference-options"
    assert_whole(home / "tree", chain.root_hash)


def test_words_for_people_name_what_was_left_out(home: Path) -> None:
    result = run(*PUBLISH, cwd=home)

    assert result.returncode == 0
    assert "model.safetensors: weights of another framework" in result.stdout
    assert "onnx/model_quantized.onnx" in result.stdout


def test_a_dry_run_does_not_even_make_the_tree(home: Path) -> None:
    assert facts_of(*PUBLISH, "--dry-run", cwd=home)["dry_run"] is True
    assert not (home / "tree").exists()


def test_the_other_commands_change_the_same_tree(home: Path, chain: SigningChain) -> None:
    target = ("--to", "tree", "--keys", "keys")
    facts_of(*PUBLISH, cwd=home)
    write_repository(home / "model", "v2")
    facts_of(*[each if each != "v1" else "v2" for each in PUBLISH], cwd=home)
    assert facts_of("unpublish", "acme/tiny", "--revision", "v1", *target, cwd=home)["options_removed"] == []
    facts_of("allow", "https://models.example/hub/", *target, cwd=home)
    listed = facts_of("deny", "https://models.example/hub/bad/", *target, "--description", "why", cwd=home)
    assert [each["filter"] for each in listed["allow_deny_list"]] == ["ALLOW", "DENY"]
    assert facts_of("sign", *target, cwd=home)["root_hash"] == chain.root_hash
    assert assert_whole(home / "tree", chain.root_hash) == {"feature-extraction": "v2"}


def test_keys_are_made_shown_and_rotated(tmp_path: Path) -> None:
    made = facts_of("keys", "new", "keys", cwd=tmp_path)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    shown = facts_of("keys", "show", "keys", cwd=tmp_path)
    rotated = facts_of("keys", "rotate", "keys", cwd=tmp_path)
    again = facts_of("keys", "rotate", "keys", "--intermediate", cwd=tmp_path)

    assert shown["root_hash"] == made["root_hash"] == rotated["root_hash"] == again["root_hash"]
    assert len({each["chain"] for each in (made, rotated, again)}) == 3
    assert "PRIVATE" not in json.dumps([made, shown, rotated])
    result = run("keys", "new", "keys", cwd=tmp_path)
    assert result.returncode == 2
    assert "keys are never overwritten" in result.stderr


def test_keys_with_a_passphrase_are_encrypted(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\nsecond line")
    facts = facts_of("keys", "new", "locked", "--passphrase-file", "secret", cwd=tmp_path)
    assert facts["encrypted"] is True
    for path in (tmp_path / "locked").iterdir():
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()

    publish = [each if each != "keys" else "locked" for each in PUBLISH]
    missing, wrong = run(*publish, cwd=home), {**os.environ, "MODELDEN_KEYS_PASSPHRASE": "wrong"}
    assert missing.returncode == 2
    assert "is encrypted: give its passphrase" in missing.stderr
    refused = run(*publish, cwd=home, env=wrong)
    assert refused.returncode == 2
    assert "Is the passphrase right?" in refused.stderr
    assert run(*publish, cwd=home, env={**os.environ, "MODELDEN_KEYS_PASSPHRASE": "correct horse"}).returncode == 0


def test_keys_inside_of_the_tree_are_refused(home: Path) -> None:
    (home / "keys").rename(home / "model/keys")
    result = run("sign", "--to", "model", "--keys", "model/keys", cwd=home)

    assert result.returncode == 2
    assert "whoever uploads the tree publishes them" in result.stderr


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (["--keys", "nowhere"], 2, "`modelden keys new nowhere` makes them"),
        (["--task", "nonsense"], 2, "There is no task 'nonsense'"),
        (["--dtype", "fp16"], 3, "needs onnx/model_fp16.onnx"),
        (["--to", "model"], 2, "is not a modelden tree"),
        (["--public-url", "models.example"], 2, "expected an http(s) URL"),
    ],
)
def test_exit_codes_tell_whose_fault_it_is(home: Path, change: list[str], code: int, words: str) -> None:
    result = run(*PUBLISH, *change, cwd=home)

    assert result.returncode == code, result.stderr
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert not (home / "tree").exists() or state_of(home / "tree") == {}


def test_the_runtime_of_the_wheel_is_published_and_no_other(home: Path, chain: SigningChain) -> None:
    target = ("--major", "5", "--to", "tree", "--keys", "keys")
    folder = Path("node_modules/onnxruntime-web/dist").resolve()
    facts_of(*PUBLISH, cwd=home)

    assert facts_of("runtime", "publish", "--from", folder, *target, cwd=home)["changed"] is True
    assert facts_of("runtime", "publish", "--from", folder, *target, cwd=home)["changed"] is False
    assert_whole(home / "tree", chain.root_hash)

    other = run("runtime", "publish", "--from", folder / "ort-wasm-simd-threaded.wasm", *target, cwd=home)
    assert other.returncode == 3
    assert "is not the runtime that belongs to this modelden" in other.stderr
    none = run("runtime", "publish", "--from", "model", *target, cwd=home)
    assert none.returncode == 2
    assert "model has no ort-wasm-simd-threaded.jsep.wasm" in none.stderr
    later = run("runtime", "publish", "--major", "99", "--to", "tree", "--keys", "keys", cwd=home)
    assert later.returncode == 2
    assert "has no JavaScript for runtime 99" in later.stderr


def test_both_files_of_runtime_6_are_published(home: Path, chain: SigningChain) -> None:
    command = ("runtime", "publish", "--major", "6", "--to", "tree", "--keys", "keys")
    folder = Path("node_modules/transformers-6/node_modules/onnxruntime-web/dist").resolve()
    small, large = "ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"
    facts_of(*PUBLISH, cwd=home)

    assert list(facts_of(*command, "--from", folder / large, cwd=home)["runtime"]) == [large]
    told = facts_of(*command, "--from", folder, cwd=home)

    assert (list(told["runtime"]), told["changed"]) == ([small, large], True)
    changeset = home / "tree/v1/buckets/main/collections/ml-onnx-runtime/changeset"
    records = json.loads(changeset.read_bytes())["changes"]
    assert sorted((each["name"], each["version"]) for each in records) == [(large, "6.0"), (small, "6.0")]
    assert {each["name"]: each["attachment"]["hash"] for each in records} == told["runtime"]
    assert_whole(home / "tree", chain.root_hash)


def test_missing_rights_leave_the_old_state(home: Path) -> None:
    facts_of(*PUBLISH, cwd=home)
    before = state_of(home / "tree")
    # root may write everywhere: a folder that is a file stops it all the same
    (home / "tree/.modelden/lock").unlink()
    (home / "tree/.modelden").rmdir()
    (home / "tree/.modelden").write_text("")

    result = run("deny", "https://bad.example/", "--to", "tree", "--keys", "keys", cwd=home)

    assert result.returncode == 4
    assert "Cannot write tree" in result.stderr
    (home / "tree/.modelden").unlink()
    assert state_of(home / "tree") == before


def test_a_full_disk_leaves_the_old_state(home: Path, chain: SigningChain) -> None:
    facts_of(*PUBLISH, cwd=home)
    before = state_of(home / "tree")
    write_repository(home / "model", "v2")
    # the limit of this process stands for the end of the disk: the kernel refuses to write on
    code = (
        "import resource, signal, sys; from modelden.host.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))\n"
        "sys.argv[0] = 'modelden'; main()"
    )
    arguments = [each if each != "v1" else "v2" for each in PUBLISH]
    result = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code, *arguments], cwd=home, capture_output=True, text=True, check=False
    )

    assert result.returncode == 4, result.stderr
    assert "Cannot copy model" in result.stderr
    assert state_of(home / "tree") == before
    assert assert_whole(home / "tree", chain.root_hash) == {"feature-extraction": "v1"}


def test_a_disk_without_room_is_told_with_the_way_out() -> None:
    # the kernel's own full disk
    with (
        pytest.raises(MachineError, match=r"Cannot write it: No space left on device.*free some room"),
        machine_errors("Cannot write it"),
        Path("/dev/full").open("wb", buffering=0) as disk,
    ):
        disk.write(b"x")
