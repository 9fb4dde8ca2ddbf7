"""The tiny model on disk, its publication, and the command `modelden`, for the tests of the host."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from modelden.host.cli import main
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import PublishResult, Release, publish
from modelden.host.publish.repository import read_repository
from modelden.host.publish.runtimes import publish_runtime, runtime_files
from tests.tiny_model import tiny_model

if TYPE_CHECKING:
    from modelden.host.keys.certificates import SigningChain

ORT = Path(__file__).parents[3] / "node_modules/onnxruntime-web/dist"
MODEL = "acme/tiny"
TASK = "feature-extraction"
WEIGHTS = "onnx/model_quantized.onnx"

RUN = ("-m", "modelden")

PUBLISH = (
    *("publish", "model", "--model", MODEL, "--revision", "v1", "--task", TASK),
    *("--to", "tree", "--keys", "keys"),
)
"""The command that publishes the repository ``model``."""


def write_repository(folder: Path, revision: str = "v1") -> Path:
    for name, data in tiny_model(revision).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def release(revision: str = "v1", **fields: Any) -> Release:
    return Release(**{"model": MODEL, "revision": revision, "task": TASK, **fields})


def publish_tiny(tree: Path, chain: SigningChain, folder: Path, revision: str = "v1", **fields: Any) -> PublishResult:
    repository = read_repository(write_repository(folder, revision), MODEL, revision)
    with Publisher.open(tree, chain) as publisher:
        published = publish(publisher, repository, release(revision, **fields))
        publisher.commit()
    return published


def add_runtime(tree: Path, chain: SigningChain) -> None:
    """Publish the runtime of the installed package."""
    with runtime_files(5, ORT) as files, Publisher.open(tree, chain) as publisher:
        publish_runtime(publisher, files)
        publisher.commit()


def state_of(tree: Path) -> dict[str, bytes]:
    """Read every file of a tree except the lock."""
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


class Completed(NamedTuple):
    """The end of a command, with the names of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Completed:
    """Run ``modelden`` in this process, which has imported its modules already."""
    output, errors = StringIO(), StringIO()
    code: str | int | None = None
    with (
        patch.object(sys, "argv", ["modelden", *map(str, arguments)]),
        patch.object(logging.root, "handlers", []),  # those of pytest would keep the command from its own
        patch.dict(os.environ, os.environ if env is None else env, clear=True),
        chdir(cwd or Path.cwd()),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Completed(code, output.getvalue(), errors.getvalue())


def run_process(
    *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``modelden`` in a process of its own, for modules that read the environment when they are imported."""
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, *RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
    )


def facts_of(*arguments: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    """Run ``modelden ... --json``, which has to succeed; returns the printed object."""
    result = run(*arguments, "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts
