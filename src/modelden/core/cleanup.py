"""Cleanup that cannot hide the error that led to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


def clean_up(*steps: Callable[[], object]) -> None:
    """Call all steps in their order. What one raises is logged: the next ones run, and an error under way goes on."""
    for step in steps:
        try:
            step()
        except Exception:
            logger.exception("Cleaning up failed: %s", getattr(step, "__qualname__", step))
