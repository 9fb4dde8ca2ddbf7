"""The HTTP interface of a Remote Settings server, ``/v1`` (Kinto) and ``/v2`` (read-only).

What the two do differently is known here and nowhere else: ``/v2`` redirects an unknown ``_since`` to the full
changeset; the published kinto-changes answers 400 to an unquoted one; static hosting ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from modelden.core import urls
from modelden.errors import HttpError, InvalidResponse, UnavailableError, UnknownCollection
from modelden.ports import Fetcher, Response
from modelden.settings.backoff import Backoff
from modelden.settings.changeset import Changeset, parse_changeset
from modelden.settings.json_text import parse_json

RESPONSE_LIMIT = 20 * 1024 * 1024
"""Most bytes of an answer; Mozilla's largest collections have a few MiB."""

TIMEOUT = 30.0
"""Seconds until an answer's headers must be there (Firefox: ``services.settings.network_timeout``)."""


class SettingsServer:
    """Asks one server."""

    def __init__(self, url: str, fetcher: Fetcher, backoff: Backoff) -> None:
        """Ask nothing yet.

        Args:
            url: Root URL with the API's version, without a final slash.
            fetcher: Does the requests.
            backoff: Asked before each request, told each answer.
        """
        self.url = url
        self._fetcher = fetcher
        self._backoff = backoff
        self._root_page: Mapping[str, Any] | None = None
        self._introduced = False

    async def introduce(self) -> None:
        """Ask for the root page once, as Firefox before its first sync. Only attachments need it, so it may fail."""
        if not self._introduced:
            self._introduced = True
            with suppress(UnavailableError):
                await self.root_page()

    async def root_page(self) -> Mapping[str, Any]:
        """Return what the server says of itself; asked once.

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
        """Return the timestamps of collections by ``bucket/collection``: a hint, for nobody signs it.

        Args:
            bucket: Only this bucket's.
            collection: Only of this name.

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
        """Return a collection's changes and the URL they came from.

        Args:
            bucket: The bucket's name.
            collection: The collection's name.
            expected: The timestamp from `timestamps`; it only keeps caches from giving old answers.
            since: The timestamp from which on changes are wanted, or None for everything. The server may
                send everything all the same: then `Changeset.full` is True.

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
        from modelden.core.response_text import read_text  # most visits ask nothing

        await self._backoff.check()
        async with self._fetcher.fetch(url, timeout=TIMEOUT) as response:
            await self._backoff.learn(response.status, response.headers)
            text = await read_text(response, url, RESPONSE_LIMIT)
        if response.status != 200:
            raise HttpError(url, response.status, _server_words(text))
        return text, response

    def _changeset_url(self, bucket: str, collection: str, query: Mapping[str, str | None]) -> str:
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self.url}/buckets/{bucket}/collections/{collection}/changeset?{urls.encode_query(given)}"


def _check_names(changeset: Changeset, bucket: str, collection: str, url: str) -> None:
    """Refuse another collection's answer. Nobody signs the names, so this finds mistakes, and no attacker."""
    found = changeset.metadata.get("bucket", bucket), changeset.metadata.get("id", collection)
    if found != (bucket, collection):
        raise InvalidResponse(url, f"the collection {bucket}/{collection}", f"{found[0]}/{found[1]}")


def _server_words(text: str) -> str:
    """Return what an error page says: Kinto's ``message``, or the ``detail`` of ``/v2``."""
    try:
        page = parse_json(text[:10_000])
        words = page.get("message") or page.get("detail")
    except (ValueError, AttributeError):
        words = None
    if isinstance(words, str) and words:
        return f"It says: {words[:200]}"
    return "Is it a Remote Settings server, and is it up?"
