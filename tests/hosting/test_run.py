"""`modelden run` and `modelden check` in the real browsers, with the tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import publish
from modelden.host.publish.repository import read_repository
from tests.hosting.conftest import ROOT
from tests.unit.host.publishing import MODEL, WEIGHTS, add_runtime, release, write_repository

TASK = ("--task", "feature-extraction", "--options", '{"pooling": "mean", "normalize": true}')
BROWSERS = ("chromium", "firefox")

pytestmark = pytest.mark.timeout(900)
"""A test starts up to seven browsers."""


def modelden(*arguments: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        "MODELDEN_PYODIDE": str(ROOT / "build/pyodide"),
    }
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "modelden", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def facts(*arguments: str | Path) -> dict[str, Any]:
    process = modelden(*arguments, "--json")
    assert process.returncode == 0, process.stdout + process.stderr
    outcome: dict[str, Any] = json.loads(process.stdout)
    return outcome


@pytest.mark.parametrize("browser", BROWSERS)
def test_a_second_run_needs_no_network(published: Path, tmp_path: Path, browser: str) -> None:
    outcome = facts(
        *("run", *TASK, "--tree", published, "--browser", browser, "--input", "hello world", "--offline"),
        *("--profile", tmp_path / "profile", "--write-golden", tmp_path / "golden.json"),
    )

    assert outcome["engine"]["model"] == MODEL
    assert outcome["outputs"][0]["shape"] == [1, 4]
    assert any(each["path"].startswith("/hub/") for each in outcome["requests"])
    assert outcome["offline"]["same_outputs"] is True
    assert outcome["offline"]["requests"] == []
    assert outcome["offline"]["downloaded"] == []
    assert outcome["memory"] > 0
    assert json.loads((tmp_path / "golden.json").read_bytes())["cases"][0]["output"] == outcome["outputs"][0]


def test_an_engine_that_refuses_is_exit_code_1(published: Path) -> None:
    process = modelden("run", *TASK, "--tree", published, "--model", "acme/unknown@v1", "--input", "hello")

    assert process.returncode == 1
    assert "The hub has no" in process.stdout


def test_a_browser_that_is_not_there_is_exit_code_4(published: Path, tmp_path: Path) -> None:
    process = modelden("run", *TASK, "--tree", published, "--input", "hello", path=str(tmp_path))

    assert process.returncode == 4
    assert "None of chromium," in process.stderr


def test_check_tells_whether_a_tree_may_ship(tmp_path: Path, chain: SigningChain) -> None:
    good, bad = write_repository(tmp_path / "good", "v1"), write_repository(tmp_path / "bad", "v2")
    _publish(tmp_path / "tree", chain, good, "v1")
    unchecked = modelden("check", tmp_path / "tree", "--json")
    facts("run", *TASK, "--tree", tmp_path / "tree", "--input", "hello world", "--write-golden", good / "golden.json")
    # v2 has other weights, but promises the vectors of v1
    (bad / "golden.json").write_bytes((good / "golden.json").read_bytes())
    _publish(tmp_path / "shipped", chain, good, "v1")
    shipped = facts("check", tmp_path / "shipped")
    _publish(tmp_path / "shipped", chain, bad, "v2")
    refused = modelden("check", tmp_path / "shipped", "--json", "--model", f"{MODEL}@v2", "--browsers", "firefox")

    assert unchecked.returncode == 1
    assert json.loads(unchecked.stdout)["without_golden_inputs"] == [f"{MODEL} v1"]
    assert [(each["browser"], each["cases"], each["faults"]) for each in shipped["results"]] == [
        ("chromium", 1, []),
        ("firefox", 1, []),
    ]
    assert refused.returncode == 1
    assert "case 0.data[0][0]: expected" in json.loads(refused.stdout)["results"][0]["faults"][0]


def _publish(tree: Path, chain: SigningChain, folder: Path, revision: str) -> None:
    repository = read_repository(folder, MODEL, revision)
    assert WEIGHTS in repository.files
    add_runtime(tree, chain)
    with Publisher.open(tree, chain) as publisher:
        publish(publisher, repository, release(revision))
        publisher.commit()
