"""A publication that is killed at every call that changes the disk, and at random moments.

A child process with one thread forks, because pytest may have several threads.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelden.host.keys.key_folder import load_keys, save_keys
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import publish
from modelden.host.publish.repository import read_repository
from tests.unit.host.publishing import MODEL, TASK, publish_tiny, release, write_repository
from tests.unit.host.tree_check import assert_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelden.host.keys.certificates import SigningChain


RANDOM_MOMENTS = 30


@pytest.mark.timeout(900)  # hundreds of processes, on a machine that other rings use
def test_a_killed_publish_leaves_one_state(tmp_path: Path, chain: SigningChain) -> None:
    save_keys(tmp_path / "keys", chain)
    publish_tiny(tmp_path / "tree", chain, tmp_path / "v1", "v1")
    write_repository(tmp_path / "v2", "v2")
    result = subprocess.run(  # noqa: S603  this file
        [sys.executable, "-m", "tests.unit.host.publish.test_killed_publish", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, "."])},
    )

    assert result.returncode == 0, result.stderr
    events, moments = result.stdout.split()
    assert int(events) > 50
    assert int(moments) == RANDOM_MOMENTS


class Crashes:
    """Publishes v2 in children that are killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.old = Path(shutil.copytree(self.tree, folder / "old"))
        self.chain = load_keys(folder / "keys")
        self.repository = read_repository(folder / "v2", MODEL, "v2")

    def publish(self) -> None:
        with Publisher.open(self.tree, self.chain) as publisher:
            publish(publisher, self.repository, release("v2"))
            publisher.commit()

    def restore(self) -> None:
        """Bring back the old state."""
        shutil.rmtree(self.tree)
        shutil.copytree(self.old, self.tree)

    def at_every_event(self) -> int:
        """Kill at the first call that changes the disk, at the second and so on, until the publication succeeds."""
        count = 0
        while self.killed(partial(_kill_at, count)):
            self.check()
            self.restore()
            count += 1
        return count

    def at_random_moments(self) -> int:
        start = time.monotonic()
        self.publish()
        duration = time.monotonic() - start
        for _ in range(RANDOM_MOMENTS):
            self.restore()
            self.killed(lambda: None, after=random.uniform(0, duration))  # noqa: S311  no secret
            self.check()
        return RANDOM_MOMENTS

    def killed(self, prepare: Callable[[], None], after: float | None = None) -> bool:
        child = os.fork()
        if child == 0:
            prepare()
            self.publish()
            os._exit(0)
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)

    def check(self) -> None:
        """Check the tree now, and after the recovery by the next command."""
        assert assert_whole(self.tree, self.chain.root_hash)[TASK] in ("v1", "v2")
        with Publisher.open(self.tree, self.chain):
            pass
        assert assert_whole(self.tree, self.chain.root_hash)[TASK] in ("v1", "v2")


def _kill_at(count: int) -> None:
    remaining = count

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal remaining
        writes = event == "open" and arguments[1] not in (None, "r", "rb")
        if writes or event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "tempfile.mkdtemp"):
            if remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            remaining -= 1

    sys.addaudithook(hook)


if __name__ == "__main__":
    crashes = Crashes(Path(sys.argv[1]))
    print(crashes.at_every_event(), crashes.at_random_moments())  # noqa: T201  the figures of this run
