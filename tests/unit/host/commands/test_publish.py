"""`modelden publish` and the other commands that change a tree: output, files and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelden.host.keys.certificates import SigningChain
from tests.unit.host.publishing import PUBLISH, WEIGHTS, facts_of, run, state_of, write_repository
from tests.unit.host.tree_check import assert_whole


def test_publish_tells_what_it_did(workspace: Path, chain: SigningChain) -> None:
    facts = facts_of(*PUBLISH, cwd=workspace)

    assert facts["root_hash"] == chain.root_hash
    assert facts["left_out"] == {"model.safetensors": "weights of another framework"}
    assert [each["path"] for each in facts["files"]] == sorted(
        ["config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"]
    )
    assert facts["collections"][-1] == "main/ml-inference-options"
    assert_whole(workspace / "tree", chain.root_hash)


def test_words_for_people_name_what_was_left_out(workspace: Path) -> None:
    result = run(*PUBLISH, cwd=workspace)

    assert result.returncode == 0
    assert "model.safetensors: weights of another framework" in result.stdout
    assert "onnx/model_quantized.onnx" in result.stdout


def test_a_dry_run_does_not_even_make_the_tree(workspace: Path) -> None:
    assert facts_of(*PUBLISH, "--dry-run", cwd=workspace)["dry_run"] is True
    assert not (workspace / "tree").exists()


def test_the_other_commands_change_the_same_tree(workspace: Path, chain: SigningChain) -> None:
    target = ("--to", "tree", "--keys", "keys")
    facts_of(*PUBLISH, cwd=workspace)
    write_repository(workspace / "model", "v2")
    facts_of(*[each if each != "v1" else "v2" for each in PUBLISH], cwd=workspace)
    assert facts_of("unpublish", "acme/tiny", "--revision", "v1", *target, cwd=workspace)["options_removed"] == []
    facts_of("allow", "https://models.example/hub/", *target, cwd=workspace)
    listed = facts_of("deny", "https://models.example/hub/bad/", *target, "--description", "why", cwd=workspace)
    assert [each["filter"] for each in listed["allow_deny_list"]] == ["ALLOW", "DENY"]
    assert facts_of("sign", *target, cwd=workspace)["root_hash"] == chain.root_hash
    assert assert_whole(workspace / "tree", chain.root_hash) == {"feature-extraction": "v2"}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (["--keys", "nowhere"], 2, "`modelden keys new nowhere` makes them"),
        (["--task", "nonsense"], 2, "There is no task 'nonsense'"),
        (["--dtype", "fp16"], 3, "needs onnx/model_fp16.onnx"),
        (["--to", "model"], 2, "is not a modelden tree"),
        (["--public-url", "models.example"], 2, "expected an http(s) URL"),
    ],
)
def test_exit_codes_tell_whose_fault_it_is(workspace: Path, change: list[str], code: int, message: str) -> None:
    result = run(*PUBLISH, *change, cwd=workspace)

    assert result.returncode == code, result.stderr
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert not (workspace / "tree").exists() or state_of(workspace / "tree") == {}


def test_the_runtime_of_the_wheel_is_published_and_no_other(workspace: Path, chain: SigningChain) -> None:
    target = ("--major", "5", "--to", "tree", "--keys", "keys")
    folder = Path("node_modules/onnxruntime-web/dist").resolve()
    facts_of(*PUBLISH, cwd=workspace)

    assert facts_of("runtime", "publish", "--from", folder, *target, cwd=workspace)["changed"] is True
    assert facts_of("runtime", "publish", "--from", folder, *target, cwd=workspace)["changed"] is False
    assert_whole(workspace / "tree", chain.root_hash)

    other = run("runtime", "publish", "--from", folder / "ort-wasm-simd-threaded.wasm", *target, cwd=workspace)
    assert other.returncode == 3
    assert "is not the runtime that belongs to this modelden" in other.stderr
    none = run("runtime", "publish", "--from", "model", *target, cwd=workspace)
    assert none.returncode == 2
    assert "model has no ort-wasm-simd-threaded.jsep.wasm" in none.stderr
    later = run("runtime", "publish", "--major", "99", "--to", "tree", "--keys", "keys", cwd=workspace)
    assert later.returncode == 2
    assert "has no JavaScript for runtime 99" in later.stderr


def test_both_files_of_runtime_6_are_published(workspace: Path, chain: SigningChain) -> None:
    command = ("runtime", "publish", "--major", "6", "--to", "tree", "--keys", "keys")
    folder = Path("node_modules/transformers-6/node_modules/onnxruntime-web/dist").resolve()
    small, large = "ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"
    facts_of(*PUBLISH, cwd=workspace)

    assert list(facts_of(*command, "--from", folder / large, cwd=workspace)["runtime"]) == [large]
    facts = facts_of(*command, "--from", folder, cwd=workspace)

    assert (list(facts["runtime"]), facts["changed"]) == ([small, large], True)
    changeset = workspace / "tree/v1/buckets/main/collections/ml-onnx-runtime/changeset"
    records = [each for each in json.loads(changeset.read_bytes())["changes"] if "attachment" in each]
    assert sorted((each["name"], each["version"]) for each in records) == [(large, "6.0"), (small, "6.0")]
    assert {each["name"]: each["attachment"]["hash"] for each in records} == facts["runtime"]
    assert_whole(workspace / "tree", chain.root_hash)


def test_missing_rights_leave_the_old_state(workspace: Path) -> None:
    facts_of(*PUBLISH, cwd=workspace)
    before = state_of(workspace / "tree")
    # root may write everywhere: a folder that is a file stops it all the same
    (workspace / "tree/.modelden/lock").unlink()
    (workspace / "tree/.modelden").rmdir()
    (workspace / "tree/.modelden").write_text("")

    result = run("deny", "https://bad.example/", "--to", "tree", "--keys", "keys", cwd=workspace)

    assert result.returncode == 4
    assert "Cannot write tree" in result.stderr
    (workspace / "tree/.modelden").unlink()
    assert state_of(workspace / "tree") == before


def test_a_full_disk_leaves_the_old_state(workspace: Path, chain: SigningChain) -> None:
    facts_of(*PUBLISH, cwd=workspace)
    before = state_of(workspace / "tree")
    write_repository(workspace / "model", "v2")
    # the limit of this process stands for the end of the disk: the kernel refuses to write on
    code = (
        "import resource, signal, sys; from modelden.host.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))\n"
        "sys.argv[0] = 'modelden'; main()"
    )
    arguments = [each if each != "v1" else "v2" for each in PUBLISH]
    result = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code, *arguments], cwd=workspace, capture_output=True, text=True, check=False
    )

    assert result.returncode == 4, result.stderr
    assert "Cannot copy model" in result.stderr
    assert state_of(workspace / "tree") == before
    assert assert_whole(workspace / "tree", chain.root_hash) == {"feature-extraction": "v1"}
