"""Run rings of tests side by side: ``python tools/rings.py RING...``, the longest first.

Two rings run at once; when one ends, the next begins. A ring's output is printed as a whole when the ring ends. The
last lines have each ring's result, time and own summary, after the ends of the outputs of rings that failed. The exit
code is 1 if one failed. An interrupt ends the processes of all rings.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

AT_ONCE = 2
"""Rings that run side by side. Each has some processes of its own."""

LAST_LINES = 60
"""So much of a failed ring's output is repeated at the end."""

RULE = "=" * 20

type Command = Callable[[str], Sequence[str]]


def build_sh(ring: str) -> Sequence[str]:
    """Return the command of a ring of this repository."""
    return ["bash", str(Path(__file__).parents[1] / "build.sh"), "test", ring]


@dataclass(frozen=True)
class Result:
    """The end of one ring."""

    ring: str
    status: int
    seconds: float
    output: str

    @property
    def summary(self) -> str:
        """One line with the ring's own last line, which is the summary of its test runner."""
        last = next((line for line in reversed(self.output.splitlines()) if line.strip()), "")
        verdict = f"FAILED ({self.status})" if self.status else "passed"
        return f"{self.ring:8} {verdict} {self.seconds:5.0f} s  {last.strip(' =')}"


@dataclass
class Rings:
    """Runs rings and prints what they print."""

    command: Command = build_sh
    results: list[Result] = field(default_factory=list)
    _processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _interrupted: bool = False

    def run(self, rings: Sequence[str]) -> bool:
        """Run all rings; True if every one passed."""
        waiting = deque(rings)
        threads = [threading.Thread(target=self._run_next, args=(waiting,)) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._print_end()
        return not self._interrupted and all(result.status == 0 for result in self.results)

    def interrupt(self) -> None:
        """End the processes of all rings, with what they have started, and begin no other one."""
        with self._lock:
            self._interrupted = True
            for process in self._processes.values():
                os.killpg(process.pid, signal.SIGTERM)

    def _run_next(self, waiting: deque[str]) -> None:
        while (ring := self._take(waiting)) is not None:
            start = time.monotonic()
            process = self._start(ring)
            if process is None:
                return
            output, _ = process.communicate()
            with self._lock:
                del self._processes[ring]
            self.results.append(Result(ring, process.returncode, time.monotonic() - start, output))
            self._print(f"{RULE} ring {ring} {RULE}\n{output.rstrip()}\n{RULE} end of ring {ring} {RULE}")

    def _take(self, waiting: deque[str]) -> str | None:
        with self._lock:
            return waiting.popleft() if waiting else None

    def _start(self, ring: str) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._interrupted:
                return None
            self._print(f"ring {ring} begins")
            process = self._processes[ring] = subprocess.Popen(
                self.command(ring),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            return process

    def _print(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)

    def _print_end(self) -> None:
        for result in self.results:
            if result.status:
                lines = result.output.rstrip().splitlines()[-LAST_LINES:]
                self._print("\n".join([f"\nring {result.ring} failed; its last lines again:", *lines]))
        self._print("\n" + "\n".join(result.summary for result in self.results))


@contextmanager
def interrupted_by_signals(rings: Rings) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the rings."""

    def end(_number: int, _frame: FrameType | None) -> None:
        rings.interrupt()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str]) -> int:
    """Run the rings of the command line."""
    rings = Rings()
    with interrupted_by_signals(rings):
        passed = rings.run(arguments)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
