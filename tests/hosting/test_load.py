"""`modelden serve` under load, beside nginx on the same tree in the same run. Prints figures; see docs/cli.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hosting.conftest import program
from tests.hosting.nginx import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 200
SECONDS = 30
MEGABYTE = 1024 * 1024

MAX_GROWTH = 1.5
"""Resident memory after the load, as a ratio to that after its first seconds."""


@dataclass(frozen=True)
class Load:
    """The results of wrk."""

    requests: int
    per_second: float
    errors: list[str]


def load(url: str, seconds: int) -> Load:
    command = [program("wrk", "wrk"), "--threads", "1", "--connections", str(CLIENTS), "--timeout", "120s"]
    process = subprocess.run(  # noqa: S603  the system's wrk
        [*command, "--duration", f"{seconds}s", url], capture_output=True, text=True, check=True
    )
    number = re.search(r"(\d+) requests in", process.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", process.stdout)
    assert number is not None
    assert rate is not None
    errors = re.findall(r"Socket errors:.*|Non-2xx or 3xx responses:.*", process.stdout)
    return Load(int(number[1]), float(rate[1]), errors)


@contextmanager
def serve(tree: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "modelden", "serve", str(tree), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        assert process.stdout is not None
        origin = process.stdout.readline().split()[1].removesuffix("/v1")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield origin, process.pid
        finally:
            process.terminate()


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    match = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert match is not None
    return int(match[1]) * 1024


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  a folder of the kernel's


@pytest.mark.timeout(900)
def test_two_hundred_clients_for_half_a_minute(published: Path, tmp_path: Path) -> None:
    tree = Path(shutil.copytree(published, tmp_path / "tree"))
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tree / "hub/acme/tiny/v1/one.bin").write_bytes(os.urandom(MEGABYTE))
    path = "/hub/acme/tiny/v1/one.bin"
    changeset = "/v1/buckets/main/collections/ml-inference-options/changeset?_expected=0"
    (tmp_path / "nginx").mkdir()
    with serve(tree) as (ours, pid), nginx(tree, tmp_path / "nginx") as theirs:
        files = open_files(pid)
        load(ours + path, SECONDS // 6)  # afterwards it has all its threads and buffers
        before = memory(pid)
        # in turns, so that other work of the machine affects both
        loads = [(load(ours + path, SECONDS // 2), load(theirs + path, 3)) for _ in range(2)]
        settings = load(ours + changeset, 5)
        after = memory(pid)
        while open_files(pid) > files:  # it closes the connections of 200 clients one by one
            pass

    us, them = (sum(result.per_second for result in side) / 2 for side in zip(*loads, strict=True))
    print(  # noqa: T201  the figures of this run
        f"\n{CLIENTS} clients, 1 MB files: serve {us:.0f}/s, nginx {them:.0f}/s, ratio {us / them:.2f}; "
        f"changesets {settings.per_second:.0f}/s; memory {before // MEGABYTE} -> {after // MEGABYTE} MB"
    )
    assert [result.errors for result, _ in loads] == [[], []]
    assert settings.errors == []
    assert after < MAX_GROWTH * before
