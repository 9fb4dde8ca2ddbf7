"""The page, its neighbours of the same origin, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager


class Tabs(Protocol):
    """The other pages and workers of the same origin."""

    def post(self, message: Mapping[str, Any]) -> None:
        """Tell them something, plain JSON data."""

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call ``listener`` with what they tell."""

    def close(self) -> None:
        """Hear and tell no more."""


class Page(Protocol):
    """The page or worker that Python runs in."""

    def environment(self) -> Mapping[str, Any]:
        """Return what filter expressions may know of it: ``locale``, ``os``, ``appinfo``, ``formFactor``."""

    async def storage_estimate(self) -> tuple[int | None, int | None, bool | None]:
        """Return bytes used by this origin, bytes it may use, and whether the browser promised to keep them.

        None where the browser does not tell.
        """

    async def can_store(self, size: int) -> bool:
        """Tell whether so many bytes can be stored, where `storage` does not; True where that cannot be found out."""

    def can_persist(self) -> bool:
        """Tell whether the browser can be asked to keep what this origin stores."""

    async def persist(self) -> bool | None:
        """Ask the browser to keep what this origin stores; None where it cannot be asked."""

    def device_memory(self) -> int | None:
        """Return the bytes of memory that the device has, or None where the browser does not tell."""

    async def gpu_unavailable_reason(self) -> str | None:
        """Return why models cannot run on the GPU here, None if they can."""

    def on_visible(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time when the page becomes visible."""

    def close(self) -> None:
        """Call no listener any more."""


class Locks(Protocol):
    """Locks by name among all pages and workers of the origin; those of a page that disappears are free again."""

    def hold(self, name: str, *, shared: bool = False) -> AbstractAsyncContextManager[None]:
        """Wait for the lock and hold it; holders of a shared lock hold it side by side."""

    def try_hold(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the lock if it is free now; the value tells whether it was."""


class Presence(Protocol):
    """Which pages and workers of this origin live, by ids that each makes for itself."""

    @property
    def page_id(self) -> str:
        """This one's id."""

    async def live_page_ids(self) -> set[str] | None:
        """Return the ids of all that live, or None where nobody can tell."""


class Suspender(Protocol):
    """Waits in a call that is not async."""

    def can_suspend(self) -> bool:
        """Tell whether Python can be suspended here and now."""

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Return the awaitable's result."""


class Timers(Protocol):
    """Calls later."""

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` once after so long; the returned function prevents it, and may be called at any time."""


class Clock(Protocol):
    """Time."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
