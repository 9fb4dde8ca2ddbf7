from __future__ import annotations

import pytest

from modelden.core.awake_timer import AwakeTimer
from tests.simulators.clock import ManualClock
from tests.simulators.timers import ManualTimers

HOUR = 3_600_000


@pytest.fixture
def timers() -> ManualTimers:
    return ManualTimers(ManualClock())


@pytest.fixture
def ended() -> list[str]:
    return []


def start(timers: ManualTimers, ended: list[str], seconds: float = 5) -> AwakeTimer:
    return AwakeTimer(timers, timers.clock, seconds, lambda: ended.append("ended"))


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.3, 5, 60])
def test_it_ends_once_after_its_time_and_not_before(timers: ManualTimers, ended: list[str], seconds: float) -> None:
    start(timers, ended, seconds)

    timers.pass_time(int(seconds * 1000) - 1)
    assert ended == []

    timers.pass_time(int(seconds * 1000) + 100)
    assert ended == ["ended"]
    assert timers.waiting == 0


@pytest.mark.parametrize("awake", [0, 1500, 4999])
def test_the_time_of_a_frozen_page_does_not_count(timers: ManualTimers, ended: list[str], awake: int) -> None:
    start(timers, ended)
    timers.pass_time(awake)

    timers.freeze(HOUR)

    assert ended == []
    timers.pass_time(5000 - awake)
    assert ended == [] or awake < 4999
    timers.pass_time(2000)
    assert ended == ["ended"]


def test_the_throttled_timers_of_a_hidden_tab_end_it_too(timers: ManualTimers, ended: list[str]) -> None:
    start(timers, ended)

    for _ in range(3):
        timers.freeze(60_000)
    timers.pass_time(100)

    assert ended == ["ended"]


def test_it_waits_for_the_whole_time_after_a_restart(timers: ManualTimers, ended: list[str]) -> None:
    timer = start(timers, ended)
    timers.pass_time(4500)

    timer.restart()

    timers.pass_time(4999)
    assert ended == []
    timers.pass_time(100)
    assert ended == ["ended"]


def test_a_message_that_came_meanwhile_is_heard_before_its_end(timers: ManualTimers, ended: list[str]) -> None:
    timer = start(timers, ended)
    timers.pass_time(5001)

    timer.restart()

    timers.pass_time(4900)
    assert ended == []


@pytest.mark.parametrize("passed", [0, 1500, 5001, 9000])
def test_it_can_be_cancelled_at_any_time(timers: ManualTimers, ended: list[str], passed: int) -> None:
    timer = start(timers, ended)
    timers.pass_time(passed)
    count = len(ended)

    timer.cancel()

    timers.pass_time(HOUR)
    assert len(ended) == count
    assert timers.waiting == 0


def test_a_clock_that_is_set_back_does_not_prolong_it(timers: ManualTimers, ended: list[str]) -> None:
    start(timers, ended)
    timers.pass_time(2500)
    timers.clock.milliseconds -= HOUR
    for _ in range(4):  # the timers of a browser do not follow its clock
        timers.freeze(HOUR + 1000)
    timers.pass_time(6000)

    assert ended == ["ended"]
