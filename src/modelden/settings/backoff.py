"""Pauses that a busy server asks for: ``Backoff`` on any response, ``Retry-After`` on an error.

Source: Kinto's protocol ("Backoff indicators"); Firefox ``RemoteSettings`` (``services.settings.server.backoff``). The
database has the end of the pause, so that all tabs and the next visit respect it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from modelden.errors import ServerBusy, StorageError
from modelden.ports import Clock, Database, Put

logger = logging.getLogger(__name__)

CACHE_LIFETIME = 1000
"""Cache lifetime of the stored value, in milliseconds. Pauses that other tabs store count here that much later."""

MAX_SECONDS = 7 * 24 * 60 * 60
"""Longest pause, in seconds. A wrong header must not exclude a client for ever."""


class Backoff:
    """The pause of one server.

    A pause that cannot be read or stored fails no request. One that cannot be stored holds for this page alone.
    """

    def __init__(self, server: str, database: Database, clock: Clock) -> None:
        """Create the backoff of a server.

        Args:
            server: Root URL of the server.
            database: The database of Remote Settings.
            clock: The clock.
        """
        self._server = server
        self._key = f"modelden-backoff {server}"
        self._database = database
        self._clock = clock
        self._stored_until = self._unstored_until = self._read_at = 0

    async def check(self) -> None:
        """Return if the server may be asked now.

        Raises:
            ServerBusy: During a pause, with its remaining time.
        """
        now = self._clock.now()
        if not 0 <= now - self._read_at < CACHE_LIFETIME:
            self._stored_until, self._read_at = await self._read(), now
        remaining = max(self._stored_until, self._unstored_until) - now
        # A clock that was set back must not lengthen the pause.
        if 0 < remaining <= MAX_SECONDS * 1000:
            raise ServerBusy(self._server, remaining / 1000)

    async def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Store the pause that a response asks for.

        Args:
            status: HTTP status of the response.
            headers: Its readable headers, names in lower case.
        """
        values = [headers.get("backoff", "")]
        if status in (409, 429, 503):
            values.append(headers.get("retry-after", ""))
        if seconds := max(map(_parse_seconds, values)):
            await self._store(self._clock.now() + seconds * 1000)

    async def _read(self) -> int:
        try:
            row = await self._database.get("timestamps", self._key)
        except StorageError as error:
            logger.warning("The pause of %s cannot be read: %s", self._server, error)
            return self._stored_until
        until = row.get("value") if row else 0
        return until if isinstance(until, int) else 0

    async def _store(self, until: int) -> None:
        self._unstored_until = until
        try:
            await self._database.commit([Put("timestamps", {"cid": self._key, "value": until})])
        except StorageError as error:
            logger.warning("The pause of %s cannot be stored, other tabs do not know it: %s", self._server, error)
        else:
            self._stored_until, self._unstored_until = until, 0


def _parse_seconds(value: str) -> int:
    if not value.isdecimal():
        return 0
    # Python refuses to read numbers of thousands of digits.
    return min(int(value), MAX_SECONDS) if len(value) < 20 else MAX_SECONDS
