"""The page, the other contexts of its origin, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager


class Tabs(Protocol):
    """Messages between the pages and workers of one origin. Where the browser refuses them, none arrives."""

    def post(self, message: Mapping[str, Any]) -> None:
        """Send plain JSON data to the others. Does not suspend. Raises nothing."""

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call ``listener`` with each message of the others. Does not suspend. Raises nothing."""

    def close(self) -> None:
        """Stop receiving and sending. Does not suspend. Raises nothing."""


class Page(Protocol):
    """The page or worker that Python runs in."""

    def environment(self) -> Mapping[str, Any]:
        """Return the browser's part of ``env`` in filter expressions: ``locale``, ``os``, ``appinfo``, ``formFactor``.

        Does not suspend. Raises nothing.
        """

    def segment_words(self, language: str, text: str) -> Sequence[str]:
        """Return the words of a text and what is between them, in order: together they are the text.

        The borders are those of UAX 29 in a language. Does not suspend.

        Args:
            language: A BCP 47 tag.
            text: The text.

        Raises:
            InputError: For a tag that the browser does not understand.
        """

    async def storage_estimate(self) -> tuple[int | None, int | None, bool | None]:
        """Return the bytes used by this origin, its quota in bytes, and whether its storage is persistent.

        Each is None where the browser does not tell. Suspends. Raises nothing.
        """

    async def can_store(self, size: int) -> bool:
        """Return False if ``size`` more bytes cannot be stored; finds limits that `storage_estimate` does not show.

        True where that cannot be found out. Suspends. Raises nothing.
        """

    async def capabilities(self) -> Mapping[str, str | None]:
        """Try each capability once, and return the reason why it is missing, or None, by its name.

        The names are those of `storage.StorageInfo`. Suspends. Raises nothing.
        """

    def remember(self, text: str) -> None:
        """Keep a short text where it outlives the databases, if possible. Does not suspend. Raises nothing."""

    def recall(self) -> str | None:
        """Return the text of `remember`; None if there is none. Does not suspend. Raises nothing."""

    def versions(self) -> Mapping[str, str]:
        """Return the versions of modelden, Pyodide, Python and the browser. Does not suspend. Raises nothing."""

    def no_threads_reason(self) -> str | None:
        """Return why models run on one core, None if they may use several. Does not suspend. Raises nothing."""

    def can_persist(self) -> bool:
        """Return True if this context may ask for persistent storage. Does not suspend. Raises nothing."""

    async def persist(self) -> bool | None:
        """Ask for persistent storage; None where the browser cannot be asked. Suspends. Raises nothing."""

    def device_memory(self) -> int | None:
        """Return the device's memory in bytes; None if the browser does not tell. Does not suspend. Raises nothing."""

    async def gpu_unavailable_reason(self) -> str | None:
        """Return why models cannot run on the GPU, None if they can. Suspends. Raises nothing."""

    def on_visible(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time when the page becomes visible. Does not suspend. Raises nothing."""

    def close(self) -> None:
        """Remove the listener. Does not suspend. Raises nothing."""


class Locks(Protocol):
    """Named locks among all pages and workers of the origin. The locks of a page that disappears are released.

    Where the browser refuses them altogether (an insecure context, blocked site data), they are the page's own.
    """

    def hold(self, name: str, *, shared: bool = False) -> AbstractAsyncContextManager[None]:
        """Wait for the lock and hold it, side by side with other holders if all are ``shared``. Entering suspends.

        Leaving does not suspend. A waiter that is cancelled leaves the queue.

        Raises:
            StorageUnavailable: If the browser refuses this request, or took the lock's request out of the queue.
        """

    def try_hold(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the lock if it is free now; the value tells whether it was. Entering suspends, leaving does not.

        Raises:
            StorageUnavailable: If the browser refuses this request.
        """


class Presence(Protocol):
    """The live pages and workers of this origin, by ids that each chooses for itself."""

    @property
    def page_id(self) -> str:
        """This page's id. Does not suspend. Raises nothing."""

    async def live_page_ids(self) -> set[str] | None:
        """Return the ids of all live pages, None where they cannot be found out. Suspends. Raises nothing."""


class Suspender(Protocol):
    """Waits for awaitables in calls that are not async, by suspending WebAssembly's stack (JSPI)."""

    def can_suspend(self) -> bool:
        """Return True if `wait_for` works in this call. Does not suspend. Raises nothing."""

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Return the awaitable's result, or raise its exception. Suspends. Raises nothing of its own."""


class Timers(Protocol):
    """One-shot timers."""

    def call_later(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` once after a delay. Does not suspend. Raises nothing.

        Returns:
            A function that cancels the timer. It may be called at any time.
        """


class Clock(Protocol):
    """Time."""

    def now(self) -> int:
        """Return the milliseconds since the epoch. Does not suspend. Raises nothing."""

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds. Suspends. Raises nothing."""
