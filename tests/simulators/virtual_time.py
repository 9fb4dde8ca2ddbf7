"""An event loop with virtual time: it advances when no task can run, so a wait takes no time and a hang is detected."""

from __future__ import annotations

import asyncio
import selectors

MAX_TURNS = 20_000
"""Turns of the loop after which a run counts as endless."""

MAX_SECONDS = 12 * 3600.0
"""Virtual seconds after which a run counts as a hang. The next poll of Remote Settings is a day away."""


class HangError(AssertionError):
    """A task waits for something that never happens."""


class VirtualTimeSelector(selectors.SelectSelector):
    """A selector that waits for no file.

    Attributes:
        seconds: The virtual time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin another run."""
        self._turns = 0
        self._end = self.seconds + MAX_SECONDS

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Advance the time by ``timeout``."""
        self._turns += 1
        if timeout is None:
            raise HangError("A task waits, and nothing is left that could wake it.")
        self.seconds += max(timeout, 0)
        if self._turns > MAX_TURNS or self.seconds > self._end:
            raise HangError(f"The run goes on after {self._turns} turns and {self.seconds:.0f} virtual seconds.")
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with virtual time."""

    def __init__(self) -> None:
        self._virtual = VirtualTimeSelector()
        super().__init__(self._virtual)

    def cancel_tasks(self) -> None:
        """Cancel what still runs, and let it clean up."""
        self._virtual.restart()
        self.run_until_complete(_cancel_others())
        self.run_until_complete(self.shutdown_asyncgens())

    def time(self) -> float:
        """Return the virtual time."""
        return self._virtual.seconds


async def _cancel_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
