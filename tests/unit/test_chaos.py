"""Scenarios with ports that suspend and refuse (`tests.simulators.chaos`).

In each scenario each method of a port is refused with each error that it documents, delayed, and cancelled before and
after it has its effect, and the page is killed at it: each fault at another of its calls. A seed chooses these calls,
and episodes with several faults. Whatever happens, no task hangs, only errors of this package come out, and nothing
half stored, no lock, timer, worker or task is left. The scenario succeeds afterwards, in the same page and in a new
one.

The report's head has the seed. A failure prints it with the faults.
``MODELDEN_CHAOS_FAULTS="12:refused:1 40:cancelled:0"`` replays these faults in the tests that ``-k`` chooses.
``MODELDEN_CHAOS_SEED=7`` chooses others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from random import Random

import pytest

from tests.simulators.chaos import Fault, faults_of
from tests.simulators.database import MemoryDatabases
from tests.unit.chaos_episode import Act, Episode, Scenario, Visit
from tests.unit.chaos_scenarios import EMBED, SCENARIOS, create
from tests.unit.chaos_world import World
from tests.unit.conftest import CHAOS_SEED as SEED

FAULTS = [Fault.parse(each) for each in os.environ.get("MODELDEN_CHAOS_FAULTS", "").split()]

PARTS = 4
"""Tests that share the episodes of a scenario, so that the cores of a machine can share them."""

SEVERAL = 2
"""Episodes with several faults in each of these tests."""

LEAST = 2_000
"""Faults that are placed at least."""


class Runner:
    """Runs episodes of scenarios in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._databases: dict[Act, MemoryDatabases] = {}
        self._calls: dict[str, list[str]] = {}

    def calls(self, name: str) -> list[str]:
        """Return the port calls of a scenario without faults."""
        if name not in self._calls:
            self._calls[name] = self._run(SCENARIOS[name], name).calls
        return self._calls[name]

    def check(self, name: str, faults: Sequence[Fault]) -> None:
        self._run(SCENARIOS[name], name, faults)

    def _run(self, scenario: Scenario, name: str, faults: Sequence[Fault] = ()) -> Episode:
        episode = Episode(self._world, scenario, faults)
        episode.run(self._earlier(scenario.earlier))
        if episode.problems:
            replay = f"MODELDEN_CHAOS_FAULTS='{' '.join(map(str, faults))}' -k '{name}', seed {SEED}"
            pytest.fail("\n  ".join([replay, *episode.happened, *episode.problems]), pytrace=False)
        return episode

    def _earlier(self, act: Act) -> MemoryDatabases:
        if act not in self._databases:
            self._databases[act] = Episode(self._world, Scenario(act)).run(MemoryDatabases())
        return self._databases[act]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("chaos"))


@pytest.fixture(scope="session")
def runner(world: World) -> Runner:
    return Runner(world)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size, not behaviour: with the real one every file would be one chunk."""
    monkeypatch.setattr("modelden.hub.download.chunk_writer.CHUNK_SIZE", 1000)
    monkeypatch.setattr("modelden.hub.store.compaction.FIRST_SIZE", 1000)


def planned(calls: Sequence[str]) -> list[Fault]:
    """Return the faults of a scenario: each fault of a method at one of its calls, spread over all of them."""
    places: dict[str, list[int]] = {}
    for number, label in enumerate(calls):
        places.setdefault(label, []).append(number)
    faults: list[Fault] = []
    for label, numbers in places.items():
        variants = faults_of(0, label)
        for turn, fault in enumerate(variants):
            place = SEED + turn * len(numbers) // len(variants)
            faults.append(fault._replace(call=numbers[place % len(numbers)]))
    return sorted(faults)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_method_may_fail(runner: Runner, name: str, part: int) -> None:
    for fault in planned(runner.calls(name))[part::PARTS]:
        runner.check(name, [fault])


def test_there_are_enough_faults(runner: Runner) -> None:
    plans = {name: planned(runner.calls(name)) for name in SCENARIOS}
    assert sum(map(len, plans.values())) >= LEAST
    for name, faults in plans.items():
        calls = runner.calls(name)
        assert {(calls[fault.call], fault.kind, fault.variant) for fault in faults} == {
            (label, fault.kind, fault.variant) for label in calls for fault in faults_of(0, label)
        }


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_several_calls_may_fail(runner: Runner, name: str, part: int) -> None:
    calls = runner.calls(name)
    random = Random(f"{SEED} {name} {part}")  # noqa: S311  it keeps no secret
    for _ in range(SEVERAL):
        numbers = sorted(random.sample(range(len(calls)), min(len(calls), random.choice((2, 3)))))
        runner.check(name, [random.choice(faults_of(number, calls[number])) for number in numbers])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_faults_of_the_environment(runner: Runner, name: str) -> None:
    """Nothing but a scenario without faults, unless some are to be replayed."""
    runner.check(name, FAULTS)


def test_a_hang_is_found(world: World) -> None:
    async def wait(_visit: Visit) -> None:
        await asyncio.Event().wait()

    episode = Episode(world, Scenario(wait))
    episode.run(MemoryDatabases())
    assert any("HangError" in problem for problem in episode.problems)


def test_what_nobody_saw_and_what_is_left_is_found(world: World) -> None:
    async def leave(visit: Visit) -> None:
        async def fail() -> None:
            raise ValueError("unseen")

        visit.failing = asyncio.ensure_future(fail())  # type: ignore[attr-defined]  # so that they live as long as the visit
        visit.staying = asyncio.ensure_future(asyncio.sleep(3600))  # type: ignore[attr-defined]  # so that they live as long as the visit
        await create(EMBED)(visit)
        visit.engines.clear()

    episode = Episode(world, Scenario(leave))
    episode.run(MemoryDatabases())
    found = " ".join(episode.problems)
    assert all(problem in found for problem in ("unseen", "Task pending", "workers", "locks"))
