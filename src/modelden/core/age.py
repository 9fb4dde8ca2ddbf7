"""The age of a stored time. Pure.

A clock that was ahead once has stored times that lie in the future. Such a time is old. Otherwise what depends on it
would wait until the future has come.
"""

from __future__ import annotations

import math

TOLERANCE = 60 * 1000
"""Milliseconds by which clocks are set back when they are synchronized. A time in this near future is new."""


def age(now: int, then: int) -> float:
    """Return the milliseconds since a time; infinity for a time in the future.

    Args:
        now: The time, in milliseconds since the epoch.
        then: The earlier time, in milliseconds since the epoch.
    """
    return max(now - then, 0) if then <= now + TOLERANCE else math.inf
