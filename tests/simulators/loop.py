"""The event loop, when everything that can go on without time or network has gone on."""

from __future__ import annotations

import asyncio

TURNS = 500
"""More than the longest chain of awaits on the simulators: background work is over after so many turns of the loop."""


async def settle() -> None:
    """Let work in the background go on until it waits for time, for the network or for nothing."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
