"""The HTTP interface of a Remote Settings server: ``/v1`` (Kinto) and ``/v2`` (read-only), and its pauses.

Only this module knows the differences: ``/v2`` redirects an unknown ``_since`` to the full changeset; the published
kinto-changes answers 400 to an unquoted one; static hosting ignores it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from modelden.core import urls
from modelden.core.response_body import read_text
from modelden.errors import HttpError, InvalidResponse, ServerBusy, StorageError, UnavailableError, UnknownCollection
from modelden.ports import Clock, Database, Fetcher, Put, Response
from modelden.settings.changeset import Changeset, parse_changeset
from modelden.settings.json_text import parse_json

logger = logging.getLogger(__name__)

RESPONSE_LIMIT = 20 * 1024 * 1024
"""Largest answer, in bytes. Mozilla's largest collections have a few MiB."""

TIMEOUT = 30.0
"""Time limit for response headers, in seconds (Firefox: ``services.settings.network_timeout``)."""


class SettingsServer:
    """The client of one server."""

    def __init__(self, url: str, fetcher: Fetcher, backoff: Backoff) -> None:
        """Create the client of a server.

        Args:
            url: Root URL with the API's version, without a final slash.
            fetcher: Sends the requests.
            backoff: The server's pauses.
        """
        self.url = url
        self._fetcher = fetcher
        self._backoff = backoff
        self._root_page: Mapping[str, Any] | None = None
        self._introduced = False

    async def introduce(self) -> None:
        """Request the root page once, as Firefox does before its first sync. It may fail: only attachments need it."""
        if not self._introduced:
            self._introduced = True
            with suppress(UnavailableError):
                await self.root_page()

    async def root_page(self) -> Mapping[str, Any]:
        """Return the server's root page, which is requested once.

        Raises:
            UnavailableError: If it cannot be reached or understood.
        """
        if self._root_page is None:
            url = f"{self.url}/"
            text, _ = await self._get(url)
            try:
                page = parse_json(text)
            except ValueError:
                page = None
            if not isinstance(page, dict):
                raise InvalidResponse(url, "the root page of a Remote Settings server", repr(text[:60]))
            self._root_page = page
        return self._root_page

    async def timestamps(self, *, bucket: str | None = None, collection: str | None = None) -> dict[str, int]:
        """Return the timestamps of collections by ``bucket/collection``. They are not signed, so they are only a hint.

        Args:
            bucket: Only collections of this bucket.
            collection: Only collections of this name.

        Raises:
            UnavailableError: If the server cannot be reached or understood.
        """
        # The order of the parameters is Firefox's (Utils.sys.mjs, fetchLatestChanges).
        query = {"collection": collection, "bucket": bucket, "_expected": "0"}
        url = self._changeset_url("monitor", "changes", query)
        text, _ = await self._get(url)
        changes = parse_changeset(text, url).changes
        return {
            f"{change['bucket']}/{change['collection']}": change["last_modified"]
            for change in changes
            if isinstance(change.get("last_modified"), int) and "bucket" in change and "collection" in change
        }

    async def changeset(
        self, bucket: str, collection: str, *, expected: int, since: int | None = None
    ) -> tuple[Changeset, str]:
        """Return a collection's changes and the URL of the answer.

        Args:
            bucket: The bucket's name.
            collection: The collection's name.
            expected: The timestamp from `timestamps`, which prevents old answers from caches.
            since: Timestamp after which changes are requested, or None for all records. The server may send all records
                nevertheless; then `Changeset.full` is True.

        Raises:
            UnknownCollection: If there is none of this name.
            UnavailableError: If the server cannot be reached or understood.
        """
        query = {"_expected": str(expected), "_since": None if since is None else str(since)}
        url = self._changeset_url(bucket, collection, query)
        try:
            text, response = await self._get(url)
        except HttpError as error:
            if error.status == 404:
                raise UnknownCollection(f"{bucket}/{collection}", self.url) from error
            if error.status == 400 and since is not None:
                return await self.changeset(bucket, collection, expected=expected)
            raise
        changeset = parse_changeset(text, url)
        _check_names(changeset, bucket, collection, url)
        redirected = "_since=" not in response.url
        return changeset._replace(full=since is None or redirected or changeset.reaches_before(since)), url

    async def _get(self, url: str) -> tuple[str, Response]:
        await self._backoff.check()
        async with self._fetcher.fetch(url, timeout=TIMEOUT) as response:
            await self._backoff.learn(response.status, response.headers)
            text = await read_text(response, url, RESPONSE_LIMIT)
        if response.status != 200:
            raise HttpError(url, response.status, _server_message(text))
        return text, response

    def _changeset_url(self, bucket: str, collection: str, query: Mapping[str, str | None]) -> str:
        fields = {name: value for name, value in query.items() if value is not None}
        return f"{self.url}/buckets/{bucket}/collections/{collection}/changeset?{urls.encode_query(fields)}"


def _check_names(changeset: Changeset, bucket: str, collection: str, url: str) -> None:
    """Refuse the answer of another collection. The names are not signed, so this finds mistakes, not attackers."""
    names = changeset.metadata.get("bucket", bucket), changeset.metadata.get("id", collection)
    if names != (bucket, collection):
        raise InvalidResponse(url, f"the collection {bucket}/{collection}", f"{names[0]}/{names[1]}")


def _server_message(text: str) -> str:
    """Return the message of an error page: Kinto's ``message``, or the ``detail`` of ``/v2``."""
    try:
        page = parse_json(text[:10_000])
        message = page.get("message") or page.get("detail")
    except (ValueError, AttributeError):
        message = None
    if isinstance(message, str) and message:
        return f"It says: {message[:200]}"
    return "Is it a Remote Settings server, and is it up?"


CACHE_LIFETIME = 1000
"""Cache lifetime of the stored value, in milliseconds. Pauses that other tabs store count here that much later."""

MAX_SECONDS = 7 * 24 * 60 * 60
"""Longest pause, in seconds. A wrong header must not exclude a client for ever."""


class Backoff:
    """The pause of one server.

    The server asks for it with ``Backoff`` on any response, and with ``Retry-After`` on an error (Kinto's protocol,
    "Backoff indicators"; Firefox: ``services.settings.server.backoff``). The database has its end, so that all tabs and
    the next visit respect it.

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
