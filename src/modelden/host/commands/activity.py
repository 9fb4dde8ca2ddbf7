"""Signs of life of a command that takes over a second, on the standard error stream."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

DELAY = 1.0
"""Seconds for which a command says nothing."""


@contextmanager
def activity(words: str, *, delay: float = DELAY) -> Iterator[None]:
    """Show what a block of code does, if it takes longer than a moment.

    A terminal gets a spinner with the words and the time, which vanishes with the end of the block. Anything else, as a
    log, gets the words as one line.

    Args:
        words: Present participle and object: ``verifying tree``.
        delay: Seconds before anything is shown.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from modelden.core.printable import printable

    text = printable(words)
    console = Console(file=sys.stderr, highlight=False)
    spinner = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    spinner.add_task(text, total=None)
    shown = Timer(delay, spinner.start if console.is_terminal else lambda: console.print(f"{text} …", markup=False))
    shown.daemon = True
    shown.start()
    try:
        yield
    finally:
        shown.cancel()
        shown.join()
        if spinner.live.is_started:
            spinner.stop()
