"""The engines of a page, one of each name."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from modelden.engine.engine import Engine
from modelden.engine.plan import EngineRecord

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.engine.engine_runner import EngineRunner
    from modelden.engine.options import PipelineOptions
    from modelden.ports import Suspender


class EngineRegistry:
    """The engines of one page and configuration: the same options get the existing engine, other options end it.

    Source: Firefox ``MLEngineParent.sys.mjs`` (``getEngine``).
    """

    def __init__(self, create_runner: Callable[[PipelineOptions], EngineRunner], suspender: Suspender) -> None:
        """Create a registry.

        Args:
            create_runner: Returns a runner that has loaded nothing.
            suspender: Waits in calls that are not async.
        """
        self._create_runner = create_runner
        self._suspender = suspender
        self._engines: dict[str, tuple[EngineRunner, Engine]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Engine:
        """Return the engine for a request, ready to run.

        Raises:
            ModelDenError: If it cannot be loaded. An engine of this name with other options has ended all the same.
        """
        engine_id = request.engine_id
        async with self._locks[engine_id]:
            runner, engine = self._engines.get(engine_id, (None, None))
            if runner and engine and not runner.has_ended and runner.request.is_equivalent(request):
                runner.emitter = runner.emitter._replace(flow_id=request.flow_id)
                await runner.refresh(on_progress)
                return engine
            if runner is not None:
                runner.end(f"The engine {engine_id} was replaced by one with other options.")
            return await self._create(request, on_progress)

    def records(self) -> Iterator[EngineRecord]:
        """Return the engines that were loaded and have not ended."""
        runners = [runner for runner, _ in self._engines.values() if not runner.has_ended]
        return (EngineRecord(runner.request, runner.plan) for runner in runners if runner.plan is not None)

    async def _create(self, request: PipelineOptions, on_progress: ProgressCallback | None) -> Engine:
        runner = self._create_runner(request)
        engine = Engine(runner, self._suspender)
        self._engines[request.engine_id] = runner, engine
        try:
            await runner.open(on_progress)
        except BaseException:
            runner.end(f"The engine {request.engine_id} could not be loaded.")
            del self._engines[request.engine_id]
            raise
        return engine
