"""Collections of Remote Settings: read from the store, synced when needed, verified before they are stored.

Source: Firefox ``RemoteSettingsClient.sys.mjs`` (``get``, ``sync``, ``maybeSync``). Requests and their order are
Firefox's; a collection that goes back in time is refused, which Firefox does not do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from modelden.config import Configuration
from modelden.core.locks import KeyedLocks
from modelden.core.progress import SYNCING_SETTINGS, ProgressCallback, Reporter
from modelden.errors import SignatureError, StorageError, UnavailableError, UnknownCollection
from modelden.ports import Clock
from modelden.settings.changeset import Collection, Record, SyncEvent, diff, merge
from modelden.settings.listeners import SyncListeners
from modelden.settings.record_filter import ExpressionFilter, filter_records, sort_records
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier
from modelden.settings.store import SettingsStore, StoredCollection

logger = logging.getLogger(__name__)

RENEW_BEFORE = 7 * 24 * 60 * 60 * 1000
"""Time before the end of the signer's certificate at which the client asks for a new signature, in milliseconds."""

RENEW_AGAIN = 60 * 60 * 1000
"""Time between two such attempts, in milliseconds."""


class SettingsClient:
    """Reads and syncs the collections of one server."""

    def __init__(
        self,
        config: Configuration,
        server: SettingsServer,
        verifier: SignatureVerifier,
        store: SettingsStore,
        expressions: ExpressionFilter,
        listeners: SyncListeners,
        clock: Clock,
    ) -> None:
        self._config = config
        self._server = server
        self._verifier = verifier
        self._store = store
        self._expressions = expressions
        self._listeners = listeners
        self._clock = clock
        self._locks = KeyedLocks()

    async def get(
        self,
        name: str,
        on_progress: ProgressCallback | None = None,
        *,
        bucket: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "",
        sync_if_empty: bool = True,
        force_sync: bool = False,
        verify_signature: bool = False,
    ) -> list[Record]:
        """Return the records of a collection whose filter expressions are true here.

        A stored collection needs no request. If the server has not confirmed it for the poll interval, it is renewed
        first; without the server, the stored state is used.

        Args:
            name: The collection's name, ``ml-inference-options`` for example.
            on_progress: Callback for the begin and the end of a sync.
            bucket: Its bucket, if it is not the configured one.
            filters: Expected values by field (`record_filter.filter_records`).
            order: A field to sort by (`record_filter.sort_records`).
            sync_if_empty: Sync if nothing is stored; without it, the result is empty then.
            force_sync: Sync in any case.
            verify_signature: Verify the stored state once more.

        Raises:
            SignatureError: If the server's state, or the stored one, is not signed as configured.
            UnavailableError: If a sync was needed and the server cannot be reached or understood.
            StorageError: If the browser cannot store the collection.
        """
        cid = self._config.cid(name, bucket)
        async with self._locks.hold(cid):
            stored = await self._store.read(cid)
            if force_sync or (stored is None and sync_if_empty):
                collection: Collection | None = await self._sync(cid, stored, on_progress)
            elif stored is not None and self._is_old(stored):
                collection = await self._renew(cid, stored, on_progress)
            else:
                collection = stored.collection if stored else None
                if collection and verify_signature:
                    await self._verifier.verify(cid, collection, self._server.url)
        records = await self._expressions.filter(cid, collection.records.values() if collection else [])
        return sort_records(filter_records(records, filters or {}), order)

    async def sync(
        self,
        name: str,
        *,
        bucket: str | None = None,
        expected: int | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> SyncEvent:
        """Bring a collection up to date and notify its listeners.

        Args:
            name: The collection's name.
            bucket: Its bucket, if it is not the configured one.
            expected: Its timestamp, if `SettingsServer.timestamps` returned it already.
            on_progress: Callback for the begin and the end of the sync.

        Returns:
            The changes among the records whose filter expressions are true here.

        Raises:
            SignatureError: If the server's state is not signed as configured. The stored state stays.
            UnavailableError: If the server cannot be reached or understood. The stored state stays.
            StorageError: If the browser cannot store the collection.
        """
        cid = self._config.cid(name, bucket)
        async with self._locks.hold(cid):
            stored = await self._store.read(cid)
            collection = await self._sync(cid, stored, on_progress, expected)
        event = await self._event(cid, stored.collection if stored else None, collection)
        self._listeners.emit(event)
        return event

    async def confirmations(self) -> dict[str, int]:
        """Return the time of the server's last confirmation of each stored collection, milliseconds since the epoch."""
        return await self._store.confirmations()

    async def _event(self, cid: str, before: Collection | None, after: Collection) -> SyncEvent:
        old = await self._expressions.filter(cid, before.records.values() if before else [])
        new = await self._expressions.filter(cid, after.records.values())
        return diff(cid, {record["id"]: record for record in old}, {record["id"]: record for record in new})

    async def _renew(self, cid: str, stored: StoredCollection, on_progress: ProgressCallback | None) -> Collection:
        try:
            collection = await self._sync(cid, stored, on_progress)
        except (UnavailableError, SignatureError, StorageError) as error:
            # The stored state stays in use: it was verified before it was stored.
            logger.warning("%s could not be renewed, the stored copy is used: %s", cid, error)
            self._warn_if_frozen(cid, stored)
            return stored.collection
        event = await self._event(cid, stored.collection, collection)
        self._listeners.emit(event)
        return collection

    async def _sync(
        self,
        cid: str,
        stored: StoredCollection | None,
        on_progress: ProgressCallback | None,
        expected: int | None = None,
    ) -> Collection:
        ready = nullcontext() if stored else self._verifier.preload()
        with Reporter(on_progress, SYNCING_SETTINGS, cid.partition("/")[2]), ready:
            if expected is None:
                expected = await self._fetch_timestamp(cid)
            if stored and stored.collection.timestamp == expected and not self._needs_signature(stored):
                await self._store.confirm(cid, self._clock.now())
                self._warn_if_frozen(cid, stored)
                return stored.collection
            return await self._import(cid, stored, expected)

    async def _fetch_timestamp(self, cid: str) -> int:
        await self._server.introduce()
        bucket, _, name = cid.partition("/")
        timestamps = await self._server.timestamps(bucket=bucket, collection=name)
        if cid not in timestamps:
            raise UnknownCollection(cid, self._server.url)
        return timestamps[cid]

    async def _import(self, cid: str, stored: StoredCollection | None, expected: int) -> Collection:
        try:
            fresh = await self._fetch(cid, expected, base=stored, seen=stored)
        except SignatureError as error:
            # Firefox retries once from scratch: the local data may be what does not fit.
            logger.warning("%s Trying once more from scratch.", error)
            fresh = await self._fetch(cid, expected, base=None, seen=stored)
        if not await self._store.write(cid, fresh, before=stored):
            logger.debug("%s was written by another tab meanwhile, and is looked at again", cid)
            return await self._sync(cid, await self._store.read(cid), None, fresh.collection.timestamp)
        self._warn_if_frozen(cid, fresh)
        return fresh.collection

    async def _fetch(
        self, cid: str, expected: int, *, base: StoredCollection | None, seen: StoredCollection | None
    ) -> StoredCollection:
        """Fetch changes, merge them into ``base`` and verify the result. A state older than ``seen`` is refused."""
        bucket, _, name = cid.partition("/")
        old = base.collection if base else None
        since = old.timestamp if old else None
        changeset, url = await self._server.changeset(bucket, name, expected=expected, since=since)
        if base and changeset.timestamp < base.collection.timestamp:
            # A cache between here and the server may return an old answer. The stored state is used if it verifies, and
            # it keeps the time of its last confirmation.
            await self._verifier.verify(cid, base.collection, url, at=base.checked_at)
            logger.warning("%s is an older state of %s than the stored one, and is ignored", url, cid)
            return base
        collection = merge(old, changeset)
        signed = await self._verifier.verify(cid, collection, url)
        if seen and collection.timestamp < seen.collection.timestamp:
            raise SignatureError(
                cid,
                url,
                f"it goes back in time, expected the timestamp {seen.collection.timestamp} or a later one, found "
                f"{collection.timestamp}: an old state, validly signed, was replayed",
            )
        return StoredCollection(collection, self._clock.now(), signed)

    def _is_old(self, stored: StoredCollection) -> bool:
        age = self._clock.now() - stored.checked_at
        return age >= self._config.poll_interval * 1000 or (age >= RENEW_AGAIN and self._needs_signature(stored))

    def _needs_signature(self, stored: StoredCollection) -> bool:
        # A refreshed signature has no new timestamp (kinto/README: "Refreshing a signature").
        return stored.signed.until - self._clock.now() < RENEW_BEFORE

    def _warn_if_frozen(self, cid: str, stored: StoredCollection) -> None:
        # An answer without changes proves nothing, as it is not signed. A signature is at least as young as its data
        # and as its signer's certificate, and honest publishers renew theirs.
        days = (self._clock.now() - max(stored.collection.timestamp, stored.signed.since)) / 86_400_000
        if days >= self._config.freeze_warning_days:
            logger.warning(
                "The newest state of %s that this page has seen may have been signed %.0f days ago. Something may keep "
                "updates from this page: %s",
                cid,
                days,
                self._server.url,
            )
