"""Rules for retrying a failed download. Pure.

Exponential backoff with jitter, so that the pages that a server failed do not all return at once. The server's own
``Retry-After`` takes precedence. Only attempts without progress count towards the limit.
"""

from __future__ import annotations

from collections.abc import Callable

from modelden.errors import HttpError, NetworkError, RequestTimeout, UnavailableError

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses of temporary failures."""

MAX_FAILURES = 4
"""Attempts without progress after which the download fails."""

MIN_PROGRESS = 64 * 1024
"""Bytes that count as progress. With a lower limit, a server that always breaks off would be asked for hours."""

FIRST_DELAY = 0.5
"""Seconds before the second attempt; the delay doubles each time."""

MAX_DELAY = 30.0
"""Maximum seconds before an attempt. The download fails if the server asks for more."""


class Retry:
    """The failed attempts of one download, and the delay before the next one."""

    def __init__(self, received: int, random: Callable[[], float]) -> None:
        """Create the state before the first attempt.

        Args:
            received: Bytes that an earlier download stored.
            random: Returns numbers from 0 to 1.
        """
        self._received = received
        self._random = random
        self._failures = 0

    def delay(self, error: UnavailableError, received: int) -> float | None:
        """Return the seconds before the next attempt; None if there is to be none.

        Args:
            error: The error of the attempt.
            received: Bytes received so far.
        """
        if not _is_temporary(error):
            return None
        self._failures = 1 if received - self._received >= MIN_PROGRESS else self._failures + 1
        self._received = received
        if self._failures >= MAX_FAILURES:
            return None
        retry_after = error.retry_after if isinstance(error, HttpError) else None
        if retry_after is not None:
            return retry_after if retry_after <= MAX_DELAY else None
        delay: float = FIRST_DELAY * 2 ** (self._failures - 1)
        return min(delay * (0.5 + self._random()), MAX_DELAY)


def _is_temporary(error: UnavailableError) -> bool:
    if isinstance(error, HttpError):
        return error.status in RETRYABLE_STATUSES
    return isinstance(error, NetworkError | RequestTimeout)
