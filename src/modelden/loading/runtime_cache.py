"""A cache of the runtime that was chosen for each device: a session that joins a running worker reads no settings.

Rules, of ``docs/decisions/0062-a-second-session-reads-no-settings.md``:

- A choice is used while a worker runs its WASM file, until settings change, and by nothing but sessions.
- After `FRESH_FOR` it is used once more, and read again meanwhile (RFC 5861, ``stale-while-revalidate``).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelden.core.age import age
from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import ProgressCallback
from modelden.engine.runtime_selection import RuntimeChoice
from modelden.errors import ModelDenError
from modelden.loading.session_pool import SessionPool
from modelden.ports import Clock
from modelden.settings.service import SettingsService

logger = logging.getLogger(__name__)

FRESH_FOR = 60 * 1000
"""Milliseconds after which a choice is read again: another tab may have synced settings without telling."""


class _CachedChoice(NamedTuple):
    choice: RuntimeChoice
    time: int


class RuntimeCache:
    """The choices of the runtimes that workers of a pool run."""

    def __init__(
        self,
        pool: SessionPool,
        open_settings: Callable[[], Awaitable[SettingsService]],
        choose: Callable[[SettingsService, str, ProgressCallback | None], Awaitable[RuntimeChoice]],
        clock: Clock,
    ) -> None:
        """Create an empty cache; ``choose`` is `EngineLoader.choose_runtime`."""
        self._pool = pool
        self._open_settings = open_settings
        self._choose = choose
        self._clock = clock
        self._choices: dict[str, _CachedChoice] = {}
        self._tasks = BackgroundTasks()

    async def get(self, device: str, on_progress: ProgressCallback | None = None) -> RuntimeChoice:
        """Return the runtime for a device; errors as `EngineLoader.choose_runtime`."""
        cached = self._choices.get(device)
        if cached is None or not self._pool.is_running(cached.choice.record["attachment"]["hash"]):
            return await self._read(device, on_progress)
        now = self._clock.now()
        if age(now, cached.time) >= FRESH_FOR:
            self._choices[device] = cached._replace(time=now)
            self._tasks.start(self._revalidate(device), "read the choice of the runtime again")
        return cached.choice

    def clear(self, _event: object = None) -> None:
        """Forget all choices: settings changed."""
        self._choices = {}

    async def _read(self, device: str, on_progress: ProgressCallback | None = None) -> RuntimeChoice:
        choices = self._choices
        choice = await self._choose(await self._open_settings(), device, on_progress)
        choices[device] = _CachedChoice(choice, self._clock.now())  # nobody's, if settings changed meanwhile
        return choice

    async def _revalidate(self, device: str) -> None:
        try:
            await self._read(device)
        except ModelDenError as error:
            logger.warning("The next session has no runtime for %s: %s", device, error)
            self._choices.pop(device, None)
