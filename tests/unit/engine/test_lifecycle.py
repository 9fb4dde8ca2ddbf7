from __future__ import annotations

from collections.abc import Callable

import pytest

from modelden.engine.lifecycle import Lifecycle, Status
from modelden.errors import EngineClosed


def ready(timeout_ms: int = 1000, now: int = 0) -> Lifecycle:
    life = Lifecycle(timeout_ms)
    life.load_started()
    life.load_succeeded(now, timeout_ms)
    return life


def at(status: Status) -> Lifecycle:
    life = ready() if status not in ("uninitialized", "error") else Lifecycle(1000)
    step: dict[Status, Callable[[], None]] = {
        "uninitialized": life.load_started,
        "ready": lambda: None,
        "error": life.load_failed,
        "closed": life.closed_as_idle,
        "crashed": life.crashed,
    }
    step[status]()
    assert life.status == status
    return life


STATUSES: list[Status] = ["uninitialized", "ready", "error", "closed", "crashed"]

STEPS: dict[str, tuple[Callable[[Lifecycle], object], dict[Status, Status]]] = {
    "load_started": (
        lambda life: life.load_started(),
        dict.fromkeys(("uninitialized", "error", "closed", "crashed"), "uninitialized"),
    ),
    "load_succeeded": (lambda life: life.load_succeeded(0, 1000), {"uninitialized": "ready"}),
    "load_failed": (lambda life: life.load_failed(), {"uninitialized": "error"}),
    "run_started": (lambda life: life.run_started(), {"ready": "ready"}),
    "crashed": (lambda life: life.crashed(), {"ready": "crashed"}),
    "closed_as_idle": (lambda life: life.closed_as_idle(), {"ready": "closed"}),
    "ended": (lambda life: life.ended("why"), dict.fromkeys(STATUSES, "closed")),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_from_every_status(step: str, status: Status) -> None:
    life = at(status)
    take, outcomes = STEPS[step]
    if status in outcomes:
        take(life)
        assert life.status == outcomes[status]
    else:
        with pytest.raises(RuntimeError, match=f"does not fit an engine that is {status}"):
            take(life)
        assert life.status == status


@pytest.mark.parametrize("status", STATUSES)
def test_what_was_ended_does_not_come_back(status: Status) -> None:
    life = at(status)
    life.ended("It was closed.")
    life.ended("Another reason.")

    assert life.has_ended
    for use in (life.check_not_ended, life.load_started):
        with pytest.raises(EngineClosed, match=r"It was closed\."):
            use()


def test_idle_time_counts_from_the_end_of_the_last_run() -> None:
    life = ready(1000, now=5000)
    assert life.milliseconds_until_idle(5000) == 1000
    assert life.milliseconds_until_idle(5999) == 1

    life.run_started()
    life.run_started()
    assert life.milliseconds_until_idle(9000) is None
    life.run_ended(9000)
    assert life.milliseconds_until_idle(99_000) is None
    life.run_ended(9500)

    assert life.milliseconds_until_idle(9500) == 1000
    assert life.milliseconds_until_idle(10_500) == 0
    assert life.milliseconds_until_idle(20_000) == 0


@pytest.mark.parametrize("timeout_ms", [-1, 0])
def test_no_timeout_is_never_idle(timeout_ms: int) -> None:
    assert ready(timeout_ms).milliseconds_until_idle(10**12) is None


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "ready"])
def test_only_a_model_that_is_there_idles(status: Status) -> None:
    assert at(status).milliseconds_until_idle(10**12) is None


def test_a_run_that_outlived_its_model_does_not_count() -> None:
    life = ready()
    life.run_started()
    life.crashed()
    life.load_started()
    life.load_succeeded(0, 1000)
    life.run_ended(0)

    life.run_started()
    assert life.milliseconds_until_idle(0) is None
    life.run_ended(0)
    assert life.milliseconds_until_idle(0) == 1000
