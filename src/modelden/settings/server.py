"""The HTTP interface of a Remote Settings server: ``/v1`` (Kinto) and ``/v2`` (read-only).

Only this module knows the differences: ``/v2`` redirects an unknown ``_since`` to the full changeset; the published
kinto-changes answers 400 to an unquoted one; static hosting ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from modelden.core import urls
from modelden.core.event_loop import run_in_turns
from modelden.core.printable import printable
from modelden.core.response_body import limit_request, read_text
from modelden.errors import HttpError, InvalidResponse, UnavailableError, UnknownCollection
from modelden.ports import Fetcher, Response
from modelden.settings.backoff import HEADERS, Backoff
from modelden.settings.changeset import Changeset, changeset_in_steps
from modelden.settings.json_text import parse_json

RESPONSE_LIMIT = 20 * 1024 * 1024
"""Largest answer, in bytes. Mozilla's largest collections have a few MiB."""

MONITOR_LIMIT = 2 * 1024 * 1024
"""Largest list of collections, in bytes. Mozilla's has 30 KiB."""

ROOT_PAGE_LIMIT = 64 * 1024
"""Largest root page, in bytes. Kinto's has 2 KiB."""

TIMEOUT = 30.0
"""Time limit for a whole response, in seconds (Firefox: ``services.settings.network_timeout``, for its headers)."""


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
            text, _ = await self._get(url, ROOT_PAGE_LIMIT)
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
        text, _ = await self._get(url, MONITOR_LIMIT)
        changes = (await run_in_turns(changeset_in_steps(text, url))).changes
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
            text, response = await self._get(url, RESPONSE_LIMIT)
        except HttpError as error:
            if error.status == 404:
                raise UnknownCollection(f"{bucket}/{collection}", self.url) from error
            if error.status == 400 and since is not None:
                return await self.changeset(bucket, collection, expected=expected)
            raise
        changeset = await run_in_turns(changeset_in_steps(text, url))
        _check_names(changeset, bucket, collection, url)
        redirected = "_since=" not in response.url
        return changeset._replace(full=since is None or redirected or changeset.reaches_before(since)), url

    async def confirm(self, url: str) -> None:
        """Believe the pause that the response of this URL asked for, because its collection verified."""
        await self._backoff.confirm(url)

    async def _get(self, url: str, limit: int) -> tuple[str, Response]:
        await self._backoff.check(url)
        async with limit_request(url, TIMEOUT), self._fetcher.fetch(url, timeout=TIMEOUT) as response:
            if not HEADERS.isdisjoint(response.headers):
                await self._backoff.learn(url, response.status, response.headers)
            text = await read_text(response, url, limit)
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
        return f"It says: {printable(message[:200])}"
    return "Is it a Remote Settings server, and is it up?"
