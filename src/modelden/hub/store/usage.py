"""Use of stored models: consumers, times, pins and leases of running engines; and files known to be missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from modelden.errors import StorageError
from modelden.hub.catalog.names import check_stored
from modelden.hub.store.contents import Changes
from modelden.hub.store.records import UNKNOWN_ROOT, FileKey, RevisionKey, key_fields, revision_of
from modelden.hub.store.schema import ROWS_LOCK
from modelden.ports import Clock, Database, Delete, Key, Locks, Put, Row

logger = logging.getLogger(__name__)


class Consumer(NamedTuple):
    """The user of a file.

    Attributes:
        task_name: Task.
        engine_id: Engine; empty for none in particular.
        flow_id: Label of the caller for events; not stored.
    """

    task_name: str
    engine_id: str
    flow_id: str | None = None


class UsageLog:
    """The stores ``tasks`` and ``engines``, and the time of each file's last use."""

    def __init__(self, database: Database, clock: Clock, locks: Locks) -> None:
        self._database = database
        self._clock = clock
        self._locks = locks

    async def record(self, keys: Sequence[FileKey], consumer: Consumer) -> int:
        """Record a use of files in one transaction. Files that another tab deleted meanwhile are left out.

        Returns:
            The time of the use, in milliseconds since the epoch.
        """
        now = self._clock.now()
        try:
            async with self._locks.hold(ROWS_LOCK):
                stores: list[tuple[str, Key]] = [(store, key) for key in keys for store in ("headers", "engines")]
                rows = iter(await self._database.get_many(stores))
                changes: Changes = []
                for names, header, engines in zip(list(map(key_fields, keys)), rows, rows, strict=True):
                    if header is not None:
                        changes.append(Put("headers", {**header, "headers": {**header["headers"], "lastUsed": now}}))
                        changes += _consumer_rows(names, consumer, engines)
                await self._database.commit(changes)
        except StorageError as error:  # the files are stored and intact all the same
            logger.warning("The use of %s is not recorded. %s", ", ".join(key.name for key in keys), error)
        return now

    async def changes(self, key: FileKey, consumer: Consumer) -> Changes:
        """Return the changes that record a consumer of a file; its caller holds `schema.ROWS_LOCK`."""
        return _consumer_rows(key_fields(key), consumer, await self._database.get("engines", key))


def _consumer_rows(names: Row, consumer: Consumer, engines: Row | None) -> Changes:
    engine_ids = list(engines["engineIds"]) if engines else []
    if consumer.engine_id not in engine_ids:
        engine_ids.append(consumer.engine_id)
    return [
        Put("tasks", {"taskName": consumer.task_name, **names}),
        Put("engines", {"engineIds": engine_ids, **names}),
    ]


class NegativeCache:
    """The store ``missing``: files that the hub does not have and the model does not need."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def is_missing(self, key: FileKey) -> bool:
        """Return True if the hub is known not to have a file; False also when storage fails: then the hub is asked."""
        try:
            return await self._database.get("missing", key.id) is not None
        except StorageError as error:
            logger.warning("Storage does not tell whether %s is missing. %s", key.name, error)
            return False

    async def add(self, keys: Iterable[FileKey]) -> None:
        """Add files. A failure of storage is logged: the hub is asked again then."""
        now = self._clock.now()
        await self._put([_missing_row(key, now) for key in keys])

    async def _put(self, rows: Sequence[Row]) -> None:
        try:
            await self._database.commit([Put("missing", row) for row in rows])
        except StorageError as error:
            logger.warning("What is missing is not remembered. %s", error)


def _missing_row(key: FileKey, now: int) -> Row:
    return {"id": key.id, "model": key.model, "revision": key.revision, "root": key.root, "at": now}


class Pins:
    """The store ``pins``: models that are never evicted, of one hub or of all hubs with a host name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keys(self) -> set[RevisionKey]:
        """Return the pins: revisions of models, the root of which may be `records.UNKNOWN_ROOT`."""
        return {revision_of(row) for row in await self._database.get_all("pins")}

    async def set(self, model: str, revision: str, root: str | None, *, pinned: bool) -> None:
        """Pin a revision of a model, or unpin it; with None as its root, of all hubs with its host name.

        Raises:
            InputError: For names that no stored model can have.
        """
        check_stored(model, revision)
        if pinned:
            row = {"model": model, "revision": revision, "root": root or UNKNOWN_ROOT}
            await self._database.commit([Put("pins", row)])
        else:
            pins = [pin for pin in await self.keys() if pin[:2] == (model, revision) and root in (None, pin[2])]
            await self._database.commit([Delete("pins", pin) for pin in pins])


def is_pinned(revision_key: RevisionKey, pins: Collection[RevisionKey]) -> bool:
    """Tell whether one of these pins covers a revision of a model."""
    return revision_key in pins or (*revision_key[:2], UNKNOWN_ROOT) in pins


def use_lock(revision_key: RevisionKey) -> str:
    """Return the name of the lock that engines share while they use a revision of a model."""
    model, revision, root = revision_key
    return f"use {root} {model} {revision}"


class ModelLease:
    """The models that one engine or session uses. No tab evicts them until the lease ends."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks
        self._ended = asyncio.Event()
        self._held: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, revision_key: RevisionKey) -> None:
        """Add a revision of a model. Returns when its lock is held.

        Raises:
            StorageError: If the browser refuses the lock.
        """
        name = use_lock(revision_key)
        if name not in self._held:
            self._held[name] = asyncio.get_running_loop().create_future()
            task = asyncio.ensure_future(self._hold(name, self._held[name]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # One waiter may be cancelled; the others go on waiting.
        await asyncio.shield(self._held[name])

    def end(self) -> None:
        """Free all locks."""
        self._ended.set()

    async def wait_ended(self) -> None:
        """Return when all locks are free, after `end`."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _hold(self, name: str, held: asyncio.Future[None]) -> None:
        try:
            async with self._locks.hold(name, shared=True):
                held.set_result(None)
                await self._ended.wait()
        except Exception as error:
            # A lock that is lost after it was held concerns nobody who waits.
            del self._held[name]
            if held.done():
                raise
            held.set_exception(error)
            held.exception()  # retrieved, should all waiters be cancelled
