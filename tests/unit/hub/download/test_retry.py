"""Retries of a failed download."""

from __future__ import annotations

import pytest

from modelden.errors import HttpError, NetworkError, RequestTimeout, UnavailableError
from modelden.hub.download.retry import MAX_DELAY, MAX_FAILURES, MIN_PROGRESS, RETRYABLE_STATUSES, Retry

URL = "https://hub.example/file"


def always(number: float = 0.5) -> Retry:
    return Retry(0, lambda: number)


def delays(retry: Retry, *received: int) -> list[float | None]:
    return [retry.delay(NetworkError(URL, "closed"), size) for size in received]


def test_the_delay_doubles_until_the_attempts_without_progress_are_used_up() -> None:
    assert delays(always(), *[0] * MAX_FAILURES) == [0.5, 1.0, 2.0, None]


def test_progress_starts_the_count_again() -> None:
    sizes = [MIN_PROGRESS * number for number in range(1, 20)]
    assert delays(always(), *sizes) == [0.5] * len(sizes)
    assert delays(always(), 0, 0, MIN_PROGRESS, MIN_PROGRESS, 2 * MIN_PROGRESS) == [0.5, 1.0, 0.5, 1.0, 0.5]


def test_a_byte_less_is_no_progress() -> None:
    sizes = [(MIN_PROGRESS - 1) * number for number in range(1, MAX_FAILURES + 1)]
    assert delays(always(), *sizes)[-1] is None


@pytest.mark.parametrize(("number", "delay"), [(0.0, 0.25), (1.0, 0.75)])
def test_the_delay_has_a_jitter(number: float, delay: float) -> None:
    assert delays(always(number), 0) == [delay]


@pytest.mark.parametrize(("seconds", "delay"), [(7.0, 7.0), (MAX_DELAY, MAX_DELAY), (MAX_DELAY + 1, None)])
def test_the_server_sets_the_delay(seconds: float, delay: float | None) -> None:
    assert always().delay(HttpError(URL, 429, retry_after=seconds), 0) == delay


@pytest.mark.parametrize("status", sorted(RETRYABLE_STATUSES))
def test_a_temporary_status_is_retried(status: int) -> None:
    assert always().delay(HttpError(URL, status), 0) == 0.5


@pytest.mark.parametrize("error", [HttpError(URL, 403), HttpError(URL, 404), UnavailableError("no")], ids=str)
def test_a_lasting_error_is_not_retried(error: UnavailableError) -> None:
    assert always().delay(error, 0) is None


def test_a_timeout_is_retried() -> None:
    assert always().delay(RequestTimeout(URL, 1.0), 0) == 0.5
