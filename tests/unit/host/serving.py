"""`modelden serve` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def serving(*options: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `modelden serve`; yields the process and its origin."""
    with subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, "-m", "modelden", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        try:
            yield process, lines[0].split()[1].removesuffix("/v1")
        finally:
            process.kill()
