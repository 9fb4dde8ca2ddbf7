"""The Remote Settings client: what a collection says now, verified before it is stored.

Requests and their order are Firefox's (``RemoteSettingsClient.sys.mjs``, ``sync``): the root page once, then
 for each collection the monitor's changeset for the expected timestamp and the collection's own changeset.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlencode

from modelden.config import Configuration
from modelden.errors import HttpError, InvalidResponse, SignatureError, UnavailableError
from modelden.locks import KeyedLocks
from modelden.ports import Clock, Fetcher
from modelden.progress import SYNCING_SETTINGS, ProgressCallback, Reporter
from modelden.settings.changeset import Changeset, Collection, Record, merge, parse_changeset
from modelden.settings.signatures import SignatureVerifier
from modelden.settings.store import SettingsStore, StoredCollection

logger = logging.getLogger(__name__)

POLL_INTERVAL = 24 * 60 * 60 * 1000
"""Milliseconds after which a stored collection is asked for again (Firefox: ``services.settings.poll_interval``)."""

RESPONSE_LIMIT = 20 * 1024 * 1024
"""Most bytes of an answer; Mozilla's largest collections have a few MiB."""

TIMEOUT = 30.0
"""Seconds until an answer's headers must be there (Firefox: ``services.settings.network_timeout``)."""


class SettingsClient:
    """Reads collections of one server and bucket."""

    def __init__(
        self,
        config: Configuration,
        fetcher: Fetcher,
        verifier: SignatureVerifier,
        store: SettingsStore,
        clock: Clock,
    ) -> None:
        """Nothing is fetched or read yet."""
        self._config = config
        self._fetcher = fetcher
        self._verifier = verifier
        self._store = store
        self._clock = clock
        self._locks = KeyedLocks()
        self._server_info: dict[str, Any] | None = None

    async def get(self, name: str, on_progress: ProgressCallback | None = None) -> list[Record]:
        """Return the live records of a collection, from the store when it has them.

        It syncs first when nothing is stored. Data older than `POLL_INTERVAL` is renewed, or used as it is when the
        server cannot be reached.

        Args:
            name: The collection's name, ``ml-inference-options`` for example.
            on_progress: Told when a sync begins and ends.

        Raises:
            SignatureError: If what the server says is not signed as configured.
            UnavailableError: If nothing is stored and the server cannot be reached or understood.
            StorageError: If the browser cannot store it.
        """
        async with self._locks(name):
            stored = await self._store.read(self._cid(name))
            if stored is None or self._is_old(stored):
                collection = await self._sync(name, stored, on_progress)
            else:
                collection = stored.collection
        return list(collection.records.values())

    async def attachments_base_url(self) -> str:
        """Return the URL that attachments' locations are relative to, with its final slash.

        Raises:
            UnavailableError: If the root page cannot be reached or understood.
        """
        info = await self._root_page()
        try:
            url = info["capabilities"]["attachments"]["base_url"]
        except (KeyError, TypeError) as error:
            raise InvalidResponse(f"{self._config.settings_server}/", "an attachments base_url", "none") from error
        return str(url)

    async def _sync(
        self, name: str, stored: StoredCollection | None, on_progress: ProgressCallback | None
    ) -> Collection:
        with Reporter(on_progress, SYNCING_SETTINGS, name):
            try:
                return await self._sync_now(name, stored.collection if stored else None)
            except UnavailableError as error:
                if stored is None:
                    raise
                logger.warning("%s could not be renewed, the stored copy is used: %s", name, error)
                return stored.collection

    async def _sync_now(self, name: str, known: Collection | None) -> Collection:
        await self._root_page()
        expected = await self._expected_timestamp(name)
        try:
            collection = await self._fetch_verified(name, expected, known)
        except SignatureError as error:
            # Firefox retries once from scratch: the local data may be what does not fit.
            logger.warning("%s, trying once more from scratch", error)
            collection = await self._fetch_verified(name, expected, None)
        await self._store.write(self._cid(name), collection, self._clock.now())
        return collection

    async def _fetch_verified(self, name: str, expected: int, known: Collection | None) -> Collection:
        since = {} if known is None else {"_since": str(known.timestamp)}
        changeset, url = await self._changeset(
            self._config.settings_bucket, name, {"_expected": str(expected), **since}
        )
        collection = merge(known, changeset)
        await self._verifier.verify(self._cid(name), collection, url)
        return collection

    async def _expected_timestamp(self, name: str) -> int:
        query = {"collection": name, "bucket": self._config.settings_bucket, "_expected": "0"}
        changeset, url = await self._changeset("monitor", "changes", query)
        for change in changeset.changes:
            if change.get("collection") == name and change.get("bucket") == self._config.settings_bucket:
                return int(change["last_modified"])
        raise InvalidResponse(url, f"the collection {self._cid(name)} in the list of collections", "none")

    async def _changeset(self, bucket: str, name: str, query: dict[str, str]) -> tuple[Changeset, str]:
        url = f"{self._config.settings_server}/buckets/{bucket}/collections/{name}/changeset?{urlencode(query)}"
        return parse_changeset(await self._get_text(url), url), url

    async def _root_page(self) -> dict[str, Any]:
        if self._server_info is None:
            url = f"{self._config.settings_server}/"
            text = await self._get_text(url)
            try:
                info = json.loads(text)
            except ValueError as error:
                raise InvalidResponse(url, "the root page of a Remote Settings server", repr(text[:60])) from error
            if not isinstance(info, dict):
                raise InvalidResponse(url, "the root page of a Remote Settings server", repr(text[:60]))
            self._server_info = info
        return self._server_info

    async def _get_text(self, url: str) -> str:
        async with self._fetcher.fetch(url, timeout=TIMEOUT) as response:
            if response.status != 200:
                raise HttpError(url, response.status, "Is it a Remote Settings server, and is it up?")
            return await response.text(RESPONSE_LIMIT)

    def _is_old(self, stored: StoredCollection) -> bool:
        return self._clock.now() - stored.checked_at >= POLL_INTERVAL

    def _cid(self, name: str) -> str:
        return f"{self._config.settings_bucket}/{name}"
