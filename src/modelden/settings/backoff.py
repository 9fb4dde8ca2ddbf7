"""Doing what a server asks when it is busy: ``Backoff`` on any answer, ``Retry-After`` on an error.

Source: Kinto's protocol ("Backoff indicators"); Firefox ``RemoteSettings`` (``services.settings.server.backoff``). It
is kept in the database, so that all tabs and the next visit respect it.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelden.errors import ServerBusy
from modelden.ports import Clock, Database, Put

FRESH = 1000
"""Milliseconds for which is relied on what was read: what other tabs are told counts here a second later at most."""

LONGEST = 7 * 24 * 60 * 60
"""Most seconds that a server may ask for; a wrong header must not shut a client out for ever."""


class Backoff:
    """Until when one server asked not to be asked."""

    def __init__(self, server: str, database: Database, clock: Clock) -> None:
        """For the server with this root URL."""
        self._server = server
        self._row = f"modelden-backoff {server}"
        self._database = database
        self._clock = clock
        self._until = self._read_at = 0

    async def check(self) -> None:
        """Return if the server may be asked now.

        Raises:
            ServerBusy: If not, with the time from which on it may.
        """
        now = self._clock.now()
        if not 0 <= now - self._read_at < FRESH:
            row = await self._database.get("timestamps", self._row)
            self._until, self._read_at = row["value"] if row else 0, now
        remaining = self._until - now
        # A clock that was set back must not lengthen the pause.
        if 0 < remaining <= LONGEST * 1000:
            raise ServerBusy(self._server, remaining / 1000)

    async def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Note what an answer says.

        Args:
            status: Its HTTP status.
            headers: Its readable headers, names in lower case.
        """
        wishes = [headers.get("backoff", "")]
        if status in (409, 429, 503):
            wishes.append(headers.get("retry-after", ""))
        seconds = max((int(wish) for wish in wishes if wish.isdecimal()), default=0)
        if seconds:
            self._until = self._clock.now() + min(seconds, LONGEST) * 1000
            await self._database.commit([Put("timestamps", {"cid": self._row, "value": self._until})])
