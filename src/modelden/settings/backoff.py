"""Pauses that a busy server asks for: ``Backoff`` on any response, ``Retry-After`` on an error.

Source: Kinto's protocol ("Backoff indicators"); Firefox ``RemoteSettings`` (``services.settings.server.backoff``). The
database has the end of the pause, so that all tabs and the next visit respect it.

The headers are not signed, and whoever answers could keep a client away. The longest pause is ours: 10 minutes for a
client that has nothing stored, an hour for others, and a week only after an answer whose collection verified.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from modelden.errors import ServerBusy, StorageError
from modelden.ports import Clock, Database, Put

logger = logging.getLogger(__name__)

CACHE_LIFETIME = 1000
"""Cache lifetime of the stored value, in milliseconds. Pauses that other tabs store count here that much later."""

MAX_SECONDS = 7 * 24 * 60 * 60
"""Longest pause, in seconds. A wrong header must not exclude a client for ever."""

MAX_UNVERIFIED_SECONDS = 60 * 60
"""Longest pause that an answer can ask for which did not verify, in seconds."""

MAX_FIRST_SECONDS = 10 * 60
"""The same for a client that has nothing stored, in seconds."""


async def _nothing_stored() -> bool:
    return False


HEADERS = frozenset({"backoff", "retry-after"})
"""Headers by which a server asks for a pause."""

_VERIFIED = "modeldenVerified"
"""Member of the row that is ours, beside Firefox's."""


class _Pause(NamedTuple):
    """A pause.

    Attributes:
        until: Its end, in milliseconds since the epoch.
        verified: The answer that asked for it verified.
    """

    until: int
    verified: bool


class Backoff:
    """The pause of one server.

    A pause that cannot be read or stored fails no request. One that cannot be stored holds for this page alone.
    """

    def __init__(
        self,
        server: str,
        database: Database,
        clock: Clock,
        has_stored: Callable[[], Awaitable[bool]] = _nothing_stored,
    ) -> None:
        """Create the backoff of a server.

        Args:
            server: Root URL of the server.
            database: The database of Remote Settings.
            clock: The clock.
            has_stored: Returns True if a collection of the server is stored.
        """
        self._server = server
        self._key = f"modelden-backoff {server}"
        self._database = database
        self._clock = clock
        self._has_stored = has_stored
        self._stored = self._unstored = _Pause(0, verified=False)
        self._read_at = 0
        self._requested: dict[str, int] = {}

    async def check(self, url: str) -> None:
        """Return if the server may be asked now. What an earlier response of this URL asked for is forgotten.

        Raises:
            ServerBusy: During a pause, with its remaining time.
        """
        self._requested.pop(url, None)
        now = self._clock.now()
        if not 0 <= now - self._read_at < CACHE_LIFETIME:
            self._stored, self._read_at = await self._read(), now
        for pause in (self._stored, self._unstored):
            remaining = (pause.until - now) / 1000
            # A clock that was set back must not lengthen the pause.
            if remaining > 0 and remaining <= (MAX_SECONDS if pause.verified else await self._max_unverified()):
                raise ServerBusy(self._server, remaining)

    async def learn(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Store the pause that a response asks for, as far as it is believed without a signature.

        Args:
            url: The requested URL.
            status: HTTP status of the response.
            headers: Its readable headers, names in lower case.
        """
        values = [headers.get("backoff", "")]
        if status in (409, 429, 503):
            values.append(headers.get("retry-after", ""))
        if seconds := max(map(_parse_seconds, values)):
            limit = await self._max_unverified()
            if seconds > limit:
                self._requested[url] = seconds
            await self._store(_Pause(self._clock.now() + min(seconds, limit) * 1000, verified=False))

    async def confirm(self, url: str) -> None:
        """Store the whole pause that the response of this URL asked for: its collection verified."""
        if seconds := self._requested.pop(url, 0):
            await self._store(_Pause(self._clock.now() + seconds * 1000, verified=True))

    async def _max_unverified(self) -> int:
        try:
            return MAX_UNVERIFIED_SECONDS if await self._has_stored() else MAX_FIRST_SECONDS
        except StorageError:
            return MAX_FIRST_SECONDS

    async def _read(self) -> _Pause:
        try:
            row = await self._database.get("timestamps", self._key)
        except StorageError as error:
            logger.warning("The pause of %s cannot be read: %s", self._server, error)
            return self._stored
        until = row.get("value") if row else 0
        is_verified = row is not None and row.get(_VERIFIED) is True
        return _Pause(until if isinstance(until, int) else 0, verified=is_verified)

    async def _store(self, pause: _Pause) -> None:
        self._unstored = pause
        row = {"cid": self._key, "value": pause.until, _VERIFIED: pause.verified}
        try:
            await self._database.commit([Put("timestamps", row)])
        except StorageError as error:
            logger.warning("The pause of %s cannot be stored, other tabs do not know it: %s", self._server, error)
        else:
            self._stored, self._unstored = pause, _Pause(0, verified=False)


def _parse_seconds(value: str) -> int:
    if not value.isdecimal():
        return 0
    # Python refuses to read numbers of thousands of digits.
    return min(int(value), MAX_SECONDS) if len(value) < 20 else MAX_SECONDS
