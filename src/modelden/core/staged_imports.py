"""Imports that leave the page its turn: what comes in one go keeps its thread busy, on a first visit for a while."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module


async def import_staged(names: Sequence[str]) -> None:
    """Import modules one after the other, with a turn of the page's after each that was not there yet.

    Args:
        names: Full names of modules, in the order of who needs whom.
    """
    for name in names:
        if name not in sys.modules:
            import_module(name)
            await asyncio.sleep(0)
