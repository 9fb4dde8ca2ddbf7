"""CPU time of `modelden --help`, as a ratio to that of `import typer`, without which no command starts.

Usage: python bench/help.py
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys

ROUNDS = 15

COMMANDS = {
    "modelden --help": ["-m", "modelden", "--help"],
    "import typer": ["-c", "import typer"],
}


def cpu_seconds(arguments: list[str]) -> float:
    """CPU time of a Python process, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)  # noqa: S603  our own commands
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure in turns, so that a busy moment of the machine hits both."""
    rounds = [{name: cpu_seconds(arguments) for name, arguments in COMMANDS.items()} for _ in range(ROUNDS)]
    figures = {f"{name}, s of CPU": statistics.median(costs[name] for costs in rounds) for name in COMMANDS}
    first, second = COMMANDS
    figures["ratio"] = statistics.median(costs[first] / costs[second] for costs in rounds)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=1))  # noqa: T201  the figures of this run


if __name__ == "__main__":
    main()
