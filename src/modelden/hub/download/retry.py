"""Try again, and when? Pure.

Exponential back-off with jitter, so that the pages that a server failed do not come back all at once; what the server
itself asks for (``Retry-After``) counts instead. Only tries that brought next to nothing are counted.
"""

from __future__ import annotations

from collections.abc import Callable

from modelden.errors import HttpError, NetworkError, RequestTimeout, UnavailableError

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses of failures that pass."""

MAX_FAILURES = 4
"""Fruitless tries after which the download is given up."""

MIN_PROGRESS = 64 * 1024
"""Bytes that make a try worth another one; with fewer, a server that always breaks off would be asked for hours."""

FIRST_DELAY = 0.5
"""Seconds before the second try; it doubles each time."""

MAX_DELAY = 30.0
"""Seconds that a try waits at most; a server that wants more is left alone, and the caller told."""


class Retry:
    """Told what went wrong, it answers how long to wait before the next try."""

    def __init__(self, received: int, random: Callable[[], float]) -> None:
        """Nothing has failed yet.

        Args:
            received: Bytes that are there before the first try.
            random: Gives numbers from 0 to 1.
        """
        self._received = received
        self._random = random
        self._fruitless = 0

    def delay(self, error: UnavailableError, received: int) -> float | None:
        """Return the seconds to wait, or None to give up.

        Args:
            error: Why the try failed.
            received: Bytes that are there now.
        """
        if not _passes(error):
            return None
        self._fruitless = 1 if received - self._received >= MIN_PROGRESS else self._fruitless + 1
        self._received = received
        if self._fruitless >= MAX_FAILURES:
            return None
        asked = error.retry_after if isinstance(error, HttpError) else None
        if asked is not None:
            return asked if asked <= MAX_DELAY else None
        pause: float = FIRST_DELAY * 2 ** (self._fruitless - 1)
        return min(pause * (0.5 + self._random()), MAX_DELAY)


def _passes(error: UnavailableError) -> bool:
    if isinstance(error, HttpError):
        return error.status in RETRYABLE_STATUSES
    return isinstance(error, NetworkError | RequestTimeout)
