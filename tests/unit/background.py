"""Waits for background tasks (`modelden.core.event_loop`) of whatever page."""

from __future__ import annotations

import asyncio
from typing import Any

from modelden.core.event_loop import PREFIX

ENDLESS = PREFIX + "poll Remote Settings"
"""The task that ends with its page."""


def running() -> list[asyncio.Task[Any]]:
    """Return the background tasks that have not ended, but for the endless one."""
    return [task for task in asyncio.all_tasks() if task.get_name().startswith(PREFIX) and task.get_name() != ENDLESS]


async def settled() -> None:
    """Return when all background tasks have ended, those too that they started."""
    while tasks := running():
        await asyncio.wait(tasks)
