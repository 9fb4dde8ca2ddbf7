"""An episode of `test_chaos`: one scenario on one profile, first with faults and then without."""

from __future__ import annotations

import asyncio
import gc
import traceback
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelden import default_context
from modelden.context import Context
from modelden.core.memory_database import StorageWarning
from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.errors import ModelDenError
from modelden.loading.onnx_session import OnnxSession
from tests.simulators.chaos import CANCELLED, CANCELLED_LATE, Chaos, Fault
from tests.simulators.database import MemoryDatabases
from tests.simulators.invariants import broken_rows, leftovers
from tests.simulators.profile import Profile
from tests.simulators.virtual_time import VirtualTimeLoop
from tests.unit.chaos_world import INITIAL, World

QUIET = 50
"""Turns of the loop that the background gets between the parts of a scenario."""

CLOSING = 500
"""Turns of the loop within which every task ends when its page is closed."""


class Visit:
    """The pages of one part of an episode.

    Attributes:
        profile: The browser profile.
        chaos: The faults.
        engines: The engines of the pages.
        sessions: The raw sessions of the pages.
    """

    def __init__(self, profile: Profile, scenario: Scenario) -> None:
        self.profile = profile
        self.chaos = profile.chaos = Chaos()
        self.engines: list[Engine] = []
        self.sessions: list[OnnxSession] = []
        self._config = replace(profile.config, **scenario.options)
        self._contexts: list[Context] = []
        self.open_page()

    @property
    def context(self) -> Context:
        """The newest page."""
        return self._contexts[-1]

    def open_page(self) -> Context:
        """Open a page. The functions of the package work in it from now on."""
        context = self.profile.visit(self._config)
        self._contexts.append(context)
        default_context.page.context = context
        return context

    async def create_engine(self, **options: Any) -> Engine:
        """Create an engine in the newest page."""
        engine = await self.context.create_engine(PipelineOptions.of(options, own_features=True))
        self.engines.append(engine)
        return engine

    @property
    def falls_back(self) -> bool:
        """True if a page uses memory because storage was refused."""
        return any(context.storage_fallback.reason for context in self._contexts)

    async def close(self) -> None:
        """Close everything."""
        for engine in self.engines:
            await engine.close()
        for session in self.sessions:
            session.close()
        for context in self._contexts:
            context.close()
        default_context.page.context = None


type Act = Callable[[Visit], Awaitable[Any]]


async def _nothing(_visit: Visit) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Scenario:
    """The scenario of an episode.

    Attributes:
        act: The part with faults.
        begin: The part before it, in the same page.
        earlier: An earlier visit.
        state: What the servers have after the earlier visit.
        options: Options of the configuration.
        result: What ``act`` returns without faults.
    """

    act: Act
    begin: Act = _nothing
    earlier: Act = _nothing
    state: str = INITIAL
    options: Mapping[str, Any] = MappingProxyType({})
    result: Any = None


@dataclass
class Episode:
    """One run of a scenario with faults, and one without.

    Attributes:
        calls: Port and method of each call of the last run.
        happened: The faults that were applied.
        problems: What must not happen.
    """

    world: World
    scenario: Scenario
    faults: Sequence[Fault] = ()
    calls: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self, databases: MemoryDatabases) -> MemoryDatabases:
        """Run on a profile with a copy of these databases. Return the profile's databases."""
        profile = self.world.profile(self.scenario.state, databases)
        loop = VirtualTimeLoop()
        loop.set_exception_handler(self._report_unseen)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StorageWarning)
                loop.run_until_complete(self._run(profile))
        except AssertionError as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            default_context.page.context = None
            loop.cancel_tasks()
            loop.close()
            gc.collect(1)  # a task that failed unseen says so when it goes
        return profile.databases

    def _report_unseen(self, _loop: object, details: dict[str, Any]) -> None:
        self.problems.append(f"nobody saw it: {details['message']} {details.get('exception')!r}")

    async def _run(self, profile: Profile) -> None:
        if self.faults:
            profile = await self._visit(profile, self.faults)
        await self._visit(profile, ())

    async def _visit(self, profile: Profile, faults: Sequence[Fault]) -> Profile:
        """Do the scenario. Return the profile, or what a page that was killed left of it."""
        visit = Visit(profile, self.scenario)
        await self.scenario.begin(visit)
        await _wait_for_tasks(QUIET)
        killed: list[Profile] = []
        visit.chaos.on_kill = lambda: killed.append(self.world.profile(self.scenario.state, profile.databases))
        visit.chaos.arm(faults)
        self.problems += await self._act(visit, faults)
        if faults and not visit.falls_back:
            visit.chaos.disarm()
            self.problems += [f"again in the same page: {problem}" for problem in await self._act(visit, ())]
        visit.chaos.arm(faults)
        await visit.close()
        tasks = await _wait_for_tasks(CLOSING)
        visit.chaos.disarm()
        self.calls = visit.chaos.calls
        self.happened += visit.chaos.happened
        found = [*leftovers(profile), *(f"{task!r}" for task in tasks)]
        found += [problem for each in (profile, *killed) for problem in broken_rows(each)]
        self.problems += [f"after a visit {'with' if faults else 'without'} faults: {problem}" for problem in found]
        return killed[-1] if killed else profile

    async def _act(self, visit: Visit, faults: Sequence[Fault]) -> list[str]:
        visit.chaos.target = task = asyncio.ensure_future(self.scenario.act(visit))
        await asyncio.wait([task])
        return self._judge(task, faults)

    def _judge(self, task: asyncio.Task[Any], faults: Sequence[Fault]) -> list[str]:
        """Without faults the scenario returns its result; with faults it may be cancelled or raise our errors."""
        if task.cancelled():
            may_be = any(fault.kind in {CANCELLED, CANCELLED_LATE} for fault in faults)
            return [] if may_be else ["it was cancelled, and nobody had cancelled it"]
        error = task.exception()
        if error is None:
            is_right = faults or task.result() == self.scenario.result
            return [] if is_right else [f"it returned {task.result()!r}"]
        return [] if faults and isinstance(error, ModelDenError) else [_with_frames(error)]


def _with_frames(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{error!r} at {' < '.join(f'{Path(frame.filename).name}:{frame.lineno}' for frame in reversed(frames))}"


async def _wait_for_tasks(turns: int) -> set[asyncio.Task[Any]]:
    """Give all other tasks so many turns. Return those that have not ended."""
    tasks: set[asyncio.Task[Any]] = set()
    for _ in range(turns):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if not tasks:
            break
        await asyncio.sleep(0)
    return tasks
