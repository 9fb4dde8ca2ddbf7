"""Who uses the files that are kept, and when they did last: Firefox's rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from modelden.errors import QuotaExceeded
from modelden.hub.store.contents import ROWS_LOCK, Changes, names_of
from modelden.hub.store.partials import FileKey, file_id
from modelden.ports import Clock, Database, Delete, Key, Locks, Put, Row

logger = logging.getLogger(__name__)


class Consumer(NamedTuple):
    """Who uses a file.

    Attributes:
        task_name: The task.
        engine_id: The engine; empty for nobody in particular. Its `flow_id` is for events, and not kept.
    """

    task_name: str
    engine_id: str
    flow_id: str | None = None


class UsageLog:
    """The stores ``tasks`` and ``engines``, and when a file was last used."""

    def __init__(self, database: Database, clock: Clock, locks: Locks) -> None:
        """Nothing is read yet."""
        self._database = database
        self._clock = clock
        self._locks = locks

    async def note(self, keys: Sequence[FileKey], use: Consumer) -> int:
        """Note the use of files in one transaction; those that another tab deleted meanwhile are left out.

        Returns:
            When that was, in milliseconds since 1970.
        """
        async with self._locks.hold(ROWS_LOCK):
            wanted: list[tuple[str, Key]] = [(store, key) for key in keys for store in ("headers", "engines")]
            rows = iter(await self._database.get_many(wanted))
            now = self._clock.now()
            changes: Changes = []
            for key, row, known in zip(keys, rows, rows, strict=True):
                if row is not None:
                    changes.append(Put("headers", {**row, "headers": {**row["headers"], "lastUsed": now}}))
                    changes += _rows(key, use, known)
            try:
                await self._database.commit(changes)
            except QuotaExceeded as error:  # the files are there, and good
                logger.warning("The use of %s is not noted. %s", ", ".join(map(file_id, keys)), error)
            return now

    async def rows(self, key: FileKey, use: Consumer) -> Changes:
        """Return the changes that say who uses a file, for whoever holds `contents.ROWS_LOCK`."""
        return _rows(key, use, await self._database.get("engines", key))


def _rows(key: FileKey, use: Consumer, known: Row | None) -> Changes:
    engine_ids = list(known["engineIds"]) if known else []
    if use.engine_id not in engine_ids:
        engine_ids.append(use.engine_id)
    return [
        Put("tasks", {"taskName": use.task_name, **names_of(key)}),
        Put("engines", {"engineIds": engine_ids, **names_of(key)}),
    ]


class Notes:
    """The stores ``missing`` and ``pins``, and the names in ``partials``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._clock = clock

    async def is_missing(self, key: FileKey) -> bool:
        """Tell whether it is known that the hub does not have a file, and that the model does without it."""
        return await self._database.get("missing", file_id(key)) is not None

    async def remember_missing(self, keys: Iterable[FileKey]) -> None:
        """Remember files that the hub does not have, and without which the model runs."""
        now = self._clock.now()
        rows = [{"id": file_id(key), "model": key[0], "revision": key[1], "at": now} for key in keys]
        await self._database.commit([Put("missing", row) for row in rows])

    async def pins(self) -> set[tuple[str, str]]:
        """Return the models and revisions that are never evicted."""
        return {(row["model"], row["revision"]) for row in await self._database.get_all("pins")}

    async def pin(self, model: str, revision: str, *, keep: bool) -> None:
        """Never evict a model's revision, or let it be evicted again."""
        row = {"model": model, "revision": revision}
        await self._database.commit([Put("pins", row) if keep else Delete("pins", (model, revision))])

    async def begun(self) -> set[tuple[str, str]]:
        """Return the models and revisions of which downloads have begun."""
        return {(row["model"], row["revision"]) for row in await self._database.get_all("partials")}
