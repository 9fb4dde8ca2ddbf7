"""`modelden serve` under load, beside nginx on the same tree in the same run. Figures are printed; see docs/cli.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
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


@dataclass(frozen=True)
class Load:
    """What wrk tells."""

    requests: int
    per_second: float
    errors: list[str]


def load(url: str, seconds: int) -> Load:
    command = [program("wrk", "wrk"), "--threads", "1", "--connections", str(CLIENTS), "--timeout", "20s"]
    done = subprocess.run(  # noqa: S603  the system's wrk
        [*command, "--duration", f"{seconds}s", url], capture_output=True, text=True, check=True
    )
    number = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert number is not None
    assert rate is not None
    errors = re.findall(r"Socket errors:.*|Non-2xx or 3xx responses:.*", done.stdout)
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


@pytest.mark.timeout(300)
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
        load(ours + path, 3)  # every thread and buffer that it will ever have is there
        before = memory(pid)
        # one after the other and again, so that what else the machine does falls on both
        found = [(load(ours + path, SECONDS // 2), load(theirs + path, 3)) for _ in range(2)]
        settings = load(ours + changeset, 5)
        after = memory(pid)
        until = time.monotonic() + 20
        # it notices by and by that 200 clients have gone
        while (left := open_files(pid)) > files:
            assert time.monotonic() < until, f"{left} open files are left, there were {files}"

    us, them = (sum(each.per_second for each in side) / 2 for side in zip(*found, strict=True))
    print(  # noqa: T201  the figures of this run
        f"\n{CLIENTS} clients, 1 MB files: serve {us:.0f}/s, nginx {them:.0f}/s, ratio {us / them:.2f}; "
        f"changesets {settings.per_second:.0f}/s; memory {before // MEGABYTE} -> {after // MEGABYTE} MB"
    )
    assert [each.errors for each, _ in found] == [[], []]
    assert settings.errors == []
    assert after < before + 64 * MEGABYTE
