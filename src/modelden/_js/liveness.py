"""Learns of the end of a worker, of which browsers tell nothing: by a lock that it holds while it lives."""

from __future__ import annotations

from collections.abc import Callable

import js
from pyodide.ffi import create_once_callable

from modelden._js.convert import js_object


class DeathWatch:
    """Waits for the lock of one worker."""

    def __init__(self, lock: str, on_death: Callable[[], None]) -> None:
        """Call ``on_death`` when the holder of the lock is gone."""
        self._on_death: Callable[[], None] | None = on_death
        self._abort = js.AbortController.new()
        self._granted = create_once_callable(self._grant)
        waiting = js.navigator.locks.request(lock, js_object(signal=self._abort.signal), self._granted)
        waiting.catch(js.Boolean)  # aborted: nobody wants to know; any function of JavaScript's own will do

    def end(self) -> None:
        """Wait no more."""
        if self._on_death is not None:
            self._on_death = None
            self._abort.abort()
            self._granted.destroy()

    def _grant(self, _lock: object) -> None:
        on_death, self._on_death = self._on_death, None
        if on_death is not None:
            on_death()
