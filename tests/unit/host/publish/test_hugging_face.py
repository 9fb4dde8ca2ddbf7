"""`modelden mirror --from huggingface`: huggingface_hub against a server that speaks Hugging Face's API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from modelden.host.cli import app
from modelden.host.errors import HostError
from modelden.host.keys.certificates import SigningChain
from modelden.host.keys.key_folder import save_keys
from modelden.host.serve.faults import Fault, Faults
from modelden.host.serve.request_log import RequestLog
from modelden.host.serve.server import RunningServer
from tests.simulators.hugging_face import HuggingFace
from tests.unit.host.publishing import MODEL, WEIGHTS, run_process, write_repository
from tests.unit.host.tree_check import assert_whole

FILES = {"config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"}


class Original:
    """A hub, the requests to it and its faults."""

    def __init__(self, folder: Path) -> None:
        self.hub = HuggingFace(MODEL, folder)
        self.log = RequestLog()
        self.faults = Faults()
        self.app = self.log.wrap(self.faults.wrap(self.hub.app))
        self.url = ""

    def got(self) -> set[str]:
        """The files whose bytes were asked for."""
        return {
            each.path.partition(f"/{self.hub.commit}/")[2]
            for each in self.log.entries()
            if each.method == "GET" and "/resolve" in each.path and each.status == 200
        }


@pytest.fixture
def original(tmp_path: Path, chain: SigningChain) -> Iterator[Original]:
    save_keys(tmp_path / "keys", chain)
    folder = write_repository(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"weights of another framework")
    original = Original(folder)
    with RunningServer(original.app) as server:
        original.url = server.url
        yield original


def mirror(original: Original, folder: Path, *arguments: str) -> Any:
    """Run the command. huggingface_hub reads `HF_ENDPOINT` when it is imported."""
    return run_process(
        *(
            "mirror",
            *(arguments or (MODEL, "--as", "v1.0.0")),
            "--from",
            "huggingface",
            "--task",
            "feature-extraction",
            "--json",
        ),
        *("--to", "tree", "--keys", "keys", "--cache", "cache"),
        cwd=folder,
        env={**os.environ, "HF_ENDPOINT": original.url, "HF_HOME": str(folder / "home")},
    )


def test_a_branch_is_published_as_a_version(original: Original, tmp_path: Path, chain: SigningChain) -> None:
    process = mirror(original, tmp_path)

    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["commit"] == original.hub.commit
    assert assert_whole(tmp_path / "tree", chain.root_hash) == {"feature-extraction": "v1.0.0"}
    published = tmp_path / "tree/hub" / MODEL / "v1.0.0"
    assert (published / WEIGHTS).read_bytes() == (tmp_path / "model" / WEIGHTS).read_bytes()
    assert original.got() == FILES


def test_a_cut_download_is_mended_and_whole_files_are_kept(original: Original, tmp_path: Path) -> None:
    original.faults.set(Fault(path="*/resolve*/tokenizer.json", method="GET", status=403))
    broken = mirror(original, tmp_path, f"{MODEL}@v1")
    assert broken.returncode == 4, broken.stderr
    assert "Run it again: files that came whole are kept." in broken.stderr
    assert not (tmp_path / "tree").exists()
    original.log.clear()
    original.faults.set(Fault(path="*/resolve*/tokenizer.json", method="GET", cut_after=100, times=1))

    process = mirror(original, tmp_path, f"{MODEL}@v1")

    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["revision"] == "v1"
    assert original.got() >= {"tokenizer.json"}
    assert original.got() < FILES
    original.log.clear()
    assert mirror(original, tmp_path, f"{MODEL}@v1").returncode == 0
    assert original.got() == set()


def test_other_bytes_than_the_hubs_are_refused_and_dropped(original: Original, tmp_path: Path) -> None:
    for path in (WEIGHTS, "config.json"):
        original.hub.lies = {path}
        process = mirror(original, tmp_path)
        assert process.returncode == 1, process.stderr
        assert path in process.stderr
        assert not (tmp_path / "tree").exists()

    original.hub.lies = set()
    assert mirror(original, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [("acme/unknown@v1", "has no model acme/unknown"), (f"{MODEL}@v9", f"has no revision v9 of {MODEL}")],
)
def test_what_is_not_there_is_told(original: Original, tmp_path: Path, model: str, message: str) -> None:
    process = mirror(original, tmp_path, model)

    assert process.returncode == 2, process.stderr
    assert message in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("model", [MODEL, f"{MODEL}@main"])
def test_a_branch_needs_a_version_before_anything_is_fetched(model: str) -> None:
    arguments = [
        "mirror",
        model,
        "--from",
        "huggingface",
        "--task",
        "feature-extraction",
        "--to",
        "tree",
        "--keys",
        "keys",
    ]

    result = CliRunner().invoke(app, arguments)

    assert isinstance(result.exception, HostError)
    assert "Which version of acme/tiny will this be?" in str(result.exception)


def test_a_hub_that_is_not_there_is_exit_code_4(original: Original, tmp_path: Path) -> None:
    original.url = "http://127.0.0.1:1"
    process = mirror(original, tmp_path)

    assert process.returncode == 4, process.stderr
    assert "Traceback" not in process.stderr
