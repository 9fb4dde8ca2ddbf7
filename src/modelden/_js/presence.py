"""`ports.Presence` over Web Locks: a lock that a page holds while it lives tells the others that it does."""

from __future__ import annotations

import os

import js
from pyodide.ffi import create_once_callable

PREFIX = "modelden page "
"""Before the id in the lock's name."""


class JsPresence:
    """This page or worker among those of its origin."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._page: str | None = None

    @property
    def page(self) -> str:
        """This one's id; from the first question on, it is known to live."""
        if self._page is None:
            self._page = os.urandom(16).hex()
            if _has_locks():
                forever = js.Promise.withResolvers().promise
                js.navigator.locks.request(PREFIX + self._page, create_once_callable(lambda _lock: forever))
        return self._page

    async def alive(self) -> set[str] | None:
        """Return the ids of all that live, or None where nobody can tell."""
        if not _has_locks():
            return None
        locks = await js.navigator.locks.query()
        held = {str(lock.name).removeprefix(PREFIX) for lock in locks.held if lock.name.startswith(PREFIX)}
        return held | {self.page}


def _has_locks() -> bool:
    # Not in insecure contexts; in sandboxed frames they are there and refuse.
    return bool(getattr(js.navigator, "locks", None)) and str(js.origin) != "null"
