"""Long computations in steps: a generator that yields wherever a page may have its turn, and returns the result.

One thread runs Python and the page. What takes seconds without a turn freezes the page for seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator

type Steps[T] = Generator[None, None, T]
"""A computation that is interrupted at each ``yield``."""


async def run_in_turns[T](steps: Steps[T]) -> T:
    """Run a computation, and let the page run at each of its steps."""
    while True:
        try:
            next(steps)
        except StopIteration as result:
            value: T = result.value
            return value
        await asyncio.sleep(0)


def run[T](steps: Steps[T]) -> T:
    """Run a computation at once, where nobody waits for a turn."""
    while True:
        try:
            next(steps)
        except StopIteration as result:
            value: T = result.value
            return value
