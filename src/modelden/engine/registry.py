"""One engine per name: the same options get the engine that is there, others end it and take its place.

Source: Firefox ``MLEngineParent.sys.mjs`` (``getEngine``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from modelden.core.locks import KeyedLocks
from modelden.engine.engine import Engine
from modelden.engine.plan import EngineRecord

if TYPE_CHECKING:
    from modelden.core.progress import ProgressCallback
    from modelden.engine.engine_runner import EngineRunner
    from modelden.engine.options import PipelineOptions
    from modelden.ports import Suspender


class EngineRegistry:
    """The engines of one page and configuration."""

    def __init__(self, make: Callable[[PipelineOptions], EngineRunner], suspender: Suspender) -> None:
        """No engine exists.

        Args:
            make: Returns a session that has loaded nothing yet.
            suspender: Waits in calls that are not async.
        """
        self._make = make
        self._suspender = suspender
        self._engines: dict[str, tuple[EngineRunner, Engine]] = {}
        self._locks = KeyedLocks()

    async def get(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Engine:
        """Return the engine for a request, ready to run.

        Raises:
            ModelDenError: If it cannot be loaded. An engine of this name with other options has ended all the same.
        """
        engine_id = request.engine_id
        async with self._locks.hold(engine_id):
            current, engine = self._engines.get(engine_id, (None, None))
            if current and engine and not current.has_ended and current.request.is_equivalent(request):
                current.teller = current.teller._replace(flow_id=request.flow_id)
                await current.refresh(on_progress)
                return engine
            if current is not None:
                current.end(f"The engine {engine_id} was replaced by one with other options.")
            return await self._new(request, on_progress)

    def known(self) -> Iterator[EngineRecord]:
        """Return the engines that were loaded and have not ended."""
        sessions = [session for session, _ in self._engines.values() if not session.has_ended]
        return (EngineRecord(session.request, session.plan) for session in sessions if session.plan is not None)

    async def _new(self, request: PipelineOptions, on_progress: ProgressCallback | None) -> Engine:
        session = self._make(request)
        engine = Engine(session, self._suspender)
        self._engines[request.engine_id] = session, engine
        try:
            await session.open(on_progress)
        except BaseException:
            session.end(f"The engine {request.engine_id} could not be loaded.")
            del self._engines[request.engine_id]
            raise
        return engine
