"""The commands of docs/cli.md, from an empty directory, as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import numpy_helper

from modelden.host.verify.target import verify_tree
from tests.hosting.conftest import ROOT
from tests.unit.host.tree_check import assert_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

MINILM = ROOT / ".cache/minilm"
PORT = "8642"


def documented() -> list[str]:
    """The commands of the section, in their order."""
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    match = re.search(r"## From a model.*?```sh\n(.*?)```", text, re.DOTALL)
    assert match is not None
    return match[1].strip().splitlines()


def write_better(folder: Path) -> None:
    """Another version of MiniLM: one file differs, and so do its vectors."""
    for path in MINILM.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(MINILM)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    weights = folder / "onnx/model_quantized.onnx"
    model = onnx.load(weights)
    bias = next(each for each in model.graph.initializer if list(each.dims) == [384] and each.data_type == 1)
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + 0.05, bias.name))
    onnx.save(model, weights)


class Walker:
    """Runs the commands in a folder; `modelden serve` goes on in the background."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root_hash = ""
        self._servers: list[subprocess.Popen[str]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])

    def run(self, line: str) -> dict[str, Any]:
        line = line.replace("ROOT_HASH", self.root_hash).replace(PORT, self._port)
        arguments = [*shlex.split(line)[1:]]
        command = [sys.executable, "-m", "modelden", *arguments]
        if arguments[0] == "serve":
            self._serve(command)
            return {}
        process = subprocess.run(  # noqa: S603  our own commands
            [*command, "--json"], cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stdout + process.stderr
        facts: dict[str, Any] = json.loads(process.stdout)
        self.root_hash = facts.get("root_hash", self.root_hash)
        return facts

    def close(self) -> None:
        for server in self._servers:
            server.terminate()
            server.communicate()

    def _serve(self, command: list[str]) -> None:
        server = subprocess.Popen(  # noqa: S603  our own command
            command, cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE, text=True
        )
        self._servers.append(server)
        assert server.stdout is not None
        assert "settings" in server.stdout.readline()

    def _environment(self) -> dict[str, str]:
        paths = [path for path in sys.path if path]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture
def walker(tmp_path: Path) -> Iterator[Walker]:
    (tmp_path / "minilm").symlink_to(MINILM)
    write_better(tmp_path / "minilm-better")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    walker = Walker(tmp_path)
    yield walker
    walker.close()


def hub_files(facts: dict[str, Any]) -> set[str]:
    """The model files that a run downloaded. (HEAD only asks whether a kept file is the same.)"""
    return {
        each["url"].partition("?")[0].rpartition("acme/minilm/")[2]
        for each in facts["requests"]
        if each["method"] == "GET" and "/hub/" in each["url"]
    }


@pytest.mark.timeout(900)
def test_the_documented_commands_work(walker: Walker) -> None:
    commands = documented()
    assert len(commands) < 10
    results = [walker.run(line) for line in commands]

    keys, _, _, verified, _, chromium, firefox, _, update = results
    tree = walker.folder / "tree"
    assert verified["good"] is True
    assert assert_whole(tree, keys["root_hash"]) == {"feature-extraction": "v1.1.0"}
    assert verify_tree(tree, root_hash=keys["root_hash"]).faults == []

    assert chromium["engine"]["revision"] == firefox["engine"]["revision"] == "v1.0.0"
    assert chromium["outputs"][0]["shape"][-1] == 384
    # the same WebAssembly gives the same bits in both
    assert chromium["outputs"] == firefox["outputs"]

    assert update["engine"]["revision"] == "v1.1.0"
    assert update["outputs"] != chromium["outputs"]
    # the runtime is there already, and so is what did not change in the settings
    assert not [each for each in update["requests"] if "/attachments/" in each["url"]]
    # of the new revision, the one file that differs
    assert hub_files(update) == {"v1.1.0/onnx/model_quantized.onnx"}
