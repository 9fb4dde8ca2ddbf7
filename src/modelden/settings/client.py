"""Collections of Remote Settings: read from the store, synced when needed, verified before they are stored.

Source: Firefox ``RemoteSettingsClient.sys.mjs`` (``get``, ``sync``, ``maybeSync``). Requests and their order are
Firefox's; a collection that goes back in time is refused, which Firefox does not do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelden.config import Configuration
from modelden.core.age import age
from modelden.core.event_loop import import_staged
from modelden.core.events import EventEmitter, ProgressCallback
from modelden.errors import RequestTimeout, SignatureError, StorageError, UnavailableError
from modelden.ports import Clock
from modelden.settings.changeset import Collection, Record, SyncEvent, diff
from modelden.settings.listeners import SyncListeners
from modelden.settings.records import ExpressionFilter, filter_records, sort_records
from modelden.settings.store import SettingsStore, StoredCollection

if TYPE_CHECKING:
    from modelden.settings.sync import CollectionSync

logger = logging.getLogger(__name__)

SYNC_MODULES = (
    "modelden.settings.server",
    "modelden.settings.signatures",
    "modelden.settings.sync",
)
"""Modules of a sync, imported with the first one: most visits find their collections stored."""

RENEW_AGAIN = 60 * 60 * 1000
"""Time between two attempts to get a new signature, in milliseconds."""

RENEWAL_TIMEOUT = 30.0
"""Time limit for all requests of a renewal, in seconds. After it the stored copy is used."""

RENEW_AFTER_TIMEOUT = 60 * 1000
"""Time for which stored copies are used after such a timeout, in milliseconds. A visit reads several collections."""


class SettingsClient:
    """Reads and syncs the collections of one server."""

    def __init__(
        self,
        config: Configuration,
        sync: Callable[[], CollectionSync],
        store: SettingsStore,
        expressions: ExpressionFilter,
        listeners: SyncListeners,
        emitter: EventEmitter,
        clock: Clock,
    ) -> None:
        self._config = config
        self._sync = sync
        self._store = store
        self._expressions = expressions
        self._listeners = listeners
        self._emitter = emitter
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._timed_out_at = 0

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
            filters: Expected values by field (`records.filter_records`).
            order: A field to sort by (`records.sort_records`).
            sync_if_empty: Sync if nothing is stored; without it, the result is empty then.
            force_sync: Sync in any case.
            verify_signature: Verify the stored state once more.

        Raises:
            SignatureError: If the server's state, or the stored one, is not signed as configured.
            UnavailableError: If a sync was needed and the server cannot be reached or understood.
            StorageError: If the browser cannot store the collection.
        """
        cid = f"{bucket or self._config.settings_bucket}/{name}"
        async with self._locks[cid]:
            stored = await self._store.read(cid)
            if force_sync or (stored is None and sync_if_empty):
                collection: Collection | None = await self._run_sync(cid, stored, on_progress)
            elif stored is not None and self._is_old(stored):
                collection = await self._renew(cid, stored, on_progress)
            else:
                collection = stored.collection if stored else None
                if collection and verify_signature:
                    await (await self._open_sync()).verify(cid, collection)
        records = await self._expressions.filter(cid, collection.records.values() if collection else [])
        return sort_records(filter_records(records, filters or {}), order)

    async def filtered_out(self, name: str, filters: Mapping[str, Any]) -> list[Record]:
        """Return the stored records of a collection whose filter expressions are not true here.

        Args:
            name: The collection's name.
            filters: Expected values by field (`records.filter_records`).
        """
        cid = self._config.cid(name)
        stored = await self._store.read(cid)
        records = filter_records(stored.collection.records.values() if stored else [], filters)
        used = {record["id"] for record in await self._expressions.filter(cid, records)}
        return [record for record in records if record["id"] not in used]

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
        cid = f"{bucket or self._config.settings_bucket}/{name}"
        async with self._locks[cid]:
            stored = await self._store.read(cid)
            collection = await self._run_sync(cid, stored, on_progress, expected)
        event = await self._event(cid, stored.collection if stored else None, collection)
        self._listeners.emit(event)
        return event

    async def listed_collections(self) -> frozenset[str] | None:
        """Return the names of all collections in the configured bucket, by the newest signed list that is stored.

        None means that no stored collection has the list, which `modelden publish` writes. Whether the server has a
        collection is unknown then: the list of its monitor is not signed.
        """
        return await self._store.listed_collections(self._config.settings_bucket)

    async def verify_stored(self) -> dict[str, str | None]:
        """Verify the signatures of all stored collections; those that are not signed as configured are deleted.

        Returns:
            The fault of each, by ``bucket/name``; None for one without. Without the chain of its certificates a
            collection cannot be verified, and stays.
        """
        faults: dict[str, str | None] = {}
        for cid in await self._store.confirmations():
            async with self._locks[cid]:
                stored = await self._store.read(cid)
                try:
                    if stored is not None:
                        await (await self._open_sync()).verify(cid, stored.collection)
                    faults[cid] = None if stored else "it cannot be read"
                except SignatureError as error:
                    await self._store.delete(cid)
                    faults[cid] = str(error)
                except UnavailableError as error:
                    faults[cid] = str(error)
        return faults

    async def confirmations(self) -> dict[str, int]:
        """Return the time of the server's last confirmation of each stored collection, milliseconds since the epoch."""
        return await self._store.confirmations()

    async def _event(self, cid: str, before: Collection | None, after: Collection) -> SyncEvent:
        old = await self._expressions.filter(cid, before.records.values() if before else [])
        new = await self._expressions.filter(cid, after.records.values())
        return diff(cid, {record["id"]: record for record in old}, {record["id"]: record for record in new})

    async def _renew(self, cid: str, stored: StoredCollection, on_progress: ProgressCallback | None) -> Collection:
        if age(self._clock.now(), self._timed_out_at) < RENEW_AFTER_TIMEOUT:
            return stored.collection
        from modelden.core.response_body import limit_request  # most visits renew nothing

        try:
            async with limit_request(self._config.settings_server, RENEWAL_TIMEOUT):
                collection = await self._run_sync(cid, stored, on_progress)
        except (UnavailableError, SignatureError, StorageError) as error:
            # The stored state stays in use: it was verified before it was stored.
            logger.warning("%s could not be renewed, the stored copy is used: %s", cid, error)
            if isinstance(error, SignatureError):  # somebody may have forged it: no caller gets this error
                self._emitter.emit_error(error, "update")
            if isinstance(error, RequestTimeout):
                self._timed_out_at = self._clock.now()
            (await self._open_sync()).warn_if_frozen(cid, stored)
            return stored.collection
        event = await self._event(cid, stored.collection, collection)
        self._listeners.emit(event)
        return collection

    async def _run_sync(
        self,
        cid: str,
        stored: StoredCollection | None,
        on_progress: ProgressCallback | None,
        expected: int | None = None,
    ) -> Collection:
        sync = await self._open_sync()
        # A task of its own: each response resumes the sync, and not all who wait for it.
        return await asyncio.create_task(sync.sync(cid, stored, on_progress, expected))

    async def _open_sync(self) -> CollectionSync:
        await import_staged(SYNC_MODULES)
        return self._sync()

    def _is_old(self, stored: StoredCollection) -> bool:
        now = self._clock.now()
        milliseconds = age(now, stored.checked_at)
        return milliseconds >= self._config.poll_interval * 1000 or (
            milliseconds >= RENEW_AGAIN and stored.needs_signature(now)
        )
