"""Count the turns that code in steps gives to the page."""

from __future__ import annotations

from modelden.core.event_loop import Steps


def count_turns[T](steps: Steps[T]) -> tuple[T, int]:
    """Return the result, and the number of turns for the page."""
    turns = 0
    while True:
        try:
            next(steps)
        except StopIteration as result:
            return result.value, turns
        turns += 1
