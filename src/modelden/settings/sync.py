"""The sync of a collection: requests, merge and verification, in memory until all of it is right.

Source: Firefox ``RemoteSettingsClient.sys.mjs`` (``sync``, ``maybeSync``, ``importChanges``). A collection that goes
back in time is refused, which Firefox does not do (`rollback`).
"""

from __future__ import annotations

import logging
from contextlib import nullcontext

from modelden.config import Configuration
from modelden.core.event_loop import run_in_turns
from modelden.core.events import SYNCING_SETTINGS, EventEmitter, ProgressCallback, Reporter
from modelden.errors import SignatureError, UnavailableError, UnknownCollection
from modelden.ports import Clock
from modelden.settings.changeset import Changeset, Collection, merge_in_steps
from modelden.settings.records import MAX_FUTURE, SigningPeriod
from modelden.settings.rollback import add_poll
from modelden.settings.server import SettingsServer
from modelden.settings.signatures import SignatureVerifier
from modelden.settings.store import SettingsStore, StoredCollection

logger = logging.getLogger(__name__)


class CollectionSync:
    """Syncs the collections of one server.

    Its module and those below it are imported with the first sync: most visits find their collections stored.

    Attributes:
        server: The server.
    """

    def __init__(
        self,
        config: Configuration,
        server: SettingsServer,
        verifier: SignatureVerifier,
        store: SettingsStore,
        emitter: EventEmitter,
        clock: Clock,
    ) -> None:
        self.server = server
        self._verifier = verifier
        self._store = store
        self._emitter = emitter
        self._clock = clock
        self._verifies = config.verify_signatures
        self._freeze_warning_days = config.freeze_warning_days

    async def verify(self, cid: str, collection: Collection) -> None:
        """Verify the signature of a stored collection.

        Raises:
            SignatureError: If it is not signed as configured.
            UnavailableError: If the certificate chain cannot be fetched.
        """
        await self._verifier.verify(cid, collection, self.server.url)

    async def sync(
        self,
        cid: str,
        stored: StoredCollection | None,
        on_progress: ProgressCallback | None,
        expected: int | None = None,
    ) -> Collection:
        """Fetch the server's state of a collection, unless the stored one is current, and store it.

        Args:
            cid: The collection, ``bucket/name``.
            stored: The stored state.
            on_progress: Callback for begin and end.
            expected: Timestamp of the collection, if `SettingsServer.timestamps` returned it already.

        Raises:
            SignatureError: If the server's state is not signed as configured. The stored one stays.
            UnavailableError: If the server cannot be reached or understood. The stored state stays.
            StorageError: If the browser cannot store it.
        """
        preload = nullcontext() if stored else self._verifier.preload()
        with Reporter(on_progress, SYNCING_SETTINGS, cid.partition("/")[2]), preload:
            if expected is None:
                expected = await self._fetch_timestamp(cid)
            if stored and stored.collection.timestamp == expected and not stored.needs_signature(self._clock.now()):
                await self._store.confirm(cid, self._clock.now())
                self.warn_if_frozen(cid, stored)
                return stored.collection
            return await self._import(cid, stored, expected)

    async def _fetch_timestamp(self, cid: str) -> int:
        await self.server.introduce()
        bucket, _, name = cid.partition("/")
        timestamps = await self.server.timestamps(bucket=bucket, collection=name)
        if cid not in timestamps:
            raise UnknownCollection(cid, self.server.url)
        return timestamps[cid]

    async def _import(self, cid: str, stored: StoredCollection | None, expected: int) -> Collection:
        # A state that cannot be meant is replaced by whatever verifies.
        seen = None if stored and stored.collection.timestamp > stored.signed.until else stored
        try:
            fresh = await self._fetch(cid, expected, base=seen, seen=seen)
        except SignatureError as error:
            # Firefox retries once from scratch, as the local data may be at fault.
            logger.warning("%s Trying once more from scratch.", error)
            fresh = await self._fetch(cid, expected, base=None, seen=seen)
        if not await self._store.write(cid, fresh, before=stored):
            logger.debug("%s was written by another tab meanwhile, and is looked at again", cid)
            return await self.sync(cid, await self._store.read(cid), None, fresh.collection.timestamp)
        if stored and fresh.collection.timestamp < stored.collection.timestamp:
            self._emit_rollback(cid, stored, fresh)
        self.warn_if_frozen(cid, fresh)
        return fresh.collection

    async def _fetch(
        self, cid: str, expected: int, *, base: StoredCollection | None, seen: StoredCollection | None
    ) -> StoredCollection:
        """Fetch changes, merge them into ``base`` and verify the result. A state older than ``seen`` is refused."""
        bucket, _, name = cid.partition("/")
        old = base.collection if base else None
        since = old.timestamp if old else None
        changeset, url = await self.server.changeset(bucket, name, expected=expected, since=since)
        if base and changeset.timestamp < base.collection.timestamp:
            return await self._keep_newer(cid, expected, base, changeset, url)
        collection = await run_in_turns(merge_in_steps(old, changeset))
        signed = await self._verify(cid, collection, url)
        if seen and self._verifies and collection.timestamp < seen.collection.timestamp:
            raise SignatureError(
                cid,
                url,
                f"it goes back in time, expected the timestamp {seen.collection.timestamp} or a later one, found "
                f"{collection.timestamp}: an old state, validly signed, was replayed",
            )
        return StoredCollection(collection, self._clock.now(), signed)

    async def _keep_newer(
        self, cid: str, expected: int, base: StoredCollection, changeset: Changeset, url: str
    ) -> StoredCollection:
        """Return the stored state if the server's is older, unless `rollback` says that it is taken."""
        polls = add_poll(base.older, self._clock.now())
        if changeset.full or not self._verifies:
            older = await self._verify_older(cid, base, changeset, url)
        elif polls == base.older:  # too soon to count
            older = None
        elif polls.polls == 1:  # it may come from a cache, so it is not worth a request
            older, base = None, base._replace(older=polls)
        else:
            bucket, _, name = cid.partition("/")
            older = await self._verify_older(cid, base, *await self.server.changeset(bucket, name, expected=expected))
        if older is not None:
            if polls.may_be_taken or not self._verifies:
                return older
            base = base._replace(older=polls)
        # A cache between here and the server may return an old answer. The stored state is used if it verifies, and it
        # keeps the time of its last confirmation.
        try:
            await self._verifier.verify(cid, base.collection, url, at=base.checked_at)
        except UnavailableError as error:  # it verified when it was stored, and its old chain may be gone
            logger.debug("The stored %s cannot be verified again: %s", cid, error)
        logger.warning("%s is an older state of %s than the stored one, and is ignored", url, cid)
        return base

    async def _verify_older(
        self, cid: str, base: StoredCollection, changeset: Changeset, url: str
    ) -> StoredCollection | None:
        """Return the server's whole state if it counts for `rollback`: it is older, verifies, and its leaf is newer."""
        collection, now = await run_in_turns(merge_in_steps(None, changeset)), self._clock.now()
        if collection.timestamp >= base.collection.timestamp:
            return None
        try:
            signed = await self._verify(cid, collection, url)
        except SignatureError as error:
            logger.warning("The older state of %s does not count. %s", cid, error)
            return None
        is_future = base.collection.timestamp > now + MAX_FUTURE
        counts = signed.since > base.signed.since or is_future or not self._verifies
        return StoredCollection(collection, now, signed) if counts else None

    async def _verify(self, cid: str, collection: Collection, url: str) -> SigningPeriod:
        signed = await self._verifier.verify(cid, collection, url)
        if self._verifies:
            await self.server.confirm(url)
        return signed

    def _emit_rollback(self, cid: str, stored: StoredCollection, fresh: StoredCollection) -> None:
        before, after = stored.collection.timestamp, fresh.collection.timestamp
        message = (
            f"The stored state of {cid} had the timestamp {before}, and for days {self.server.url} has had validly "
            f"signed states of an earlier one: {after} was taken."
        )
        logger.warning(message)
        self._emitter.emit_update(
            "rollback", {"collection": cid, "current": before, "available": after, "message": message}
        )

    def warn_if_frozen(self, cid: str, stored: StoredCollection) -> None:
        """Log a warning if the newest signed state of a collection is very old."""
        # An answer without changes proves nothing, as it is not signed. A signature is at least as young as its data
        # and as its signer's certificate, and honest publishers renew theirs.
        days = (self._clock.now() - max(stored.collection.timestamp, stored.signed.since)) / 86_400_000
        if days >= self._freeze_warning_days:
            logger.warning(
                "The newest state of %s that this page has seen may have been signed %.0f days ago. Something may keep "
                "updates from this page: %s",
                cid,
                days,
                self.server.url,
            )
