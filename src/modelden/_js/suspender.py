"""`ports.Suspender` over JSPI."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from pyodide import ffi


class JsSuspender:
    """Pyodide's stack switching."""

    def can_suspend(self) -> bool:
        """Return True if this call can suspend."""
        can_run_sync = getattr(ffi, "can_run_sync", None)  # Pyodide 0.27 and later
        return bool(can_run_sync and can_run_sync())

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Return the awaitable's result, or raise its exception."""
        return ffi.run_sync(awaitable)
