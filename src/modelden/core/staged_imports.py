"""Imports with pauses. Many modules at once keep the page's thread busy; on a first visit Python compiles each one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module


async def import_staged(names: Sequence[str]) -> None:
    """Import modules one by one, and let the page run after each one that was not imported before.

    Args:
        names: Full names of modules, dependencies first.
    """
    for name in names:
        if name not in sys.modules:
            import_module(name)
            await asyncio.sleep(0)
