"""Deletion of stored files, and of rows and bytes that no file needs any more.

Files are counted by task, as in Firefox (``ModelHub.sys.mjs``, ``deleteModels``): a file goes with its last task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from itertools import chain

from modelden.core.age import age
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.contents import Changes
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey, RevisionKey, key_fields, key_of, revision_of
from modelden.hub.store.schema import ROWS_LOCK
from modelden.hub.store.usage import is_pinned
from modelden.ports import Clock, Database, Delete, Locks, Put, Row

SWEEP_LOCK = "sweep"
"""Lock of the tab that sweeps."""

ABANDONED_AGE = 7 * 24 * 3600 * 1000
"""Age in milliseconds at which an interrupted download is abandoned."""


class Deletion:
    """Deletes files of one store, from storage and from memory."""

    def __init__(
        self, database: Database, cache: ModelCache, partials: PartialDownloads, locks: Locks, clock: Clock
    ) -> None:
        self._database = database
        self._cache = cache
        self._partials = partials
        self._locks = locks
        self._clock = clock

    async def delete(
        self,
        *,
        task_name: str | None = None,
        model: str | None = None,
        revision: str | None = None,
        root: str | None = None,
    ) -> None:
        """Take the files that match all given names from their tasks; files without a task are deleted.

        With a model, its partial files that no tab works on are deleted as well. The pin and the remembered missing
        files of a revision go when none of its files is left.
        """
        names = {"taskName": task_name, "model": model, "revision": revision, "root": root}
        filters = {name: value for name, value in names.items() if value is not None}
        async with self._locks.hold(ROWS_LOCK):
            is_one = model is not None and revision is not None
            index, key = ("modelRevisionIndex", (str(model), str(revision))) if is_one else (None, None)
            rows = await self._database.get_all("tasks", index=index, key=key)
            removed = [row for row in rows if _matches(row, filters)]
            changes = await self._task_changes(removed, rows)
            changes += await self._note_changes(removed, rows, {} if task_name else filters)
            await self._database.commit(changes)
            self._forget_memory(removed, rows, {} if task_name else filters)
        if model is not None:
            partial_filters = {name: value for name, value in filters.items() if name != "taskName"}
            await self._partials.delete_where(lambda row: _matches(row, partial_filters))

    async def delete_other_revisions(self, task_name: str, model: str, revision: str) -> None:
        """Take the other revisions of a model, of all hubs, from a task; files without a task are deleted."""
        async with self._locks.hold(ROWS_LOCK):
            rows = await self._database.get_all("tasks")
            names = {"taskName": task_name, "model": model}
            removed = [row for row in rows if _matches(row, names) and row["revision"] != revision]
            changes = await self._task_changes(removed, rows)
            await self._database.commit([*changes, *await self._note_changes(removed, rows, {})])
            self._forget_memory(removed, rows, {})

    async def delete_by_engine(self, engine_id: str) -> None:
        """Take all files from an engine; those without an engine are deleted."""
        async with self._locks.hold(ROWS_LOCK):
            rows = [row for row in await self._database.get_all("engines") if engine_id in row["engineIds"]]
            others = {key_of(row): [name for name in row["engineIds"] if name != engine_id] for row in rows}
            changes: Changes = [
                Put("engines", {**row, "engineIds": others[key_of(row)]}) for row in rows if others[key_of(row)]
            ]
            changes += await self._cache.removal({key for key, engine_ids in others.items() if not engine_ids})
            await self._database.commit(changes)

    async def delete_all(self) -> None:
        """Delete everything. Downloads that run in any tab go on."""
        await self._partials.delete_where(lambda _row: True)
        async with self._locks.hold(ROWS_LOCK):
            keys = {key_of(row) for store in ("headers", "files") for row in await self._database.get_all(store)}
            changes = await self._cache.removal(keys)
            changes += [Delete("missing", row["id"]) for row in await self._database.get_all("missing")]
            changes += [Delete("pins", revision_of(row)) for row in await self._database.get_all("pins")]
            await self._database.commit(changes)
            self._cache.memory.clear()

    async def delete_files(self, keys: Iterable[FileKey]) -> None:
        """Delete files, whatever uses them."""
        async with self._locks.hold(ROWS_LOCK):
            await self._database.commit(await self._cache.removal(set(keys)))

    async def delete_damaged(self, key: FileKey) -> None:
        """Delete a file with damaged bytes, and all files that share these bytes."""
        file = await self._database.get("files", key.id)
        if file is not None:
            rows = await self._database.get_all("files", index="contentIndex", key=file["content"])
            await self.delete_files(key_of(row) for row in rows)

    async def sweep(self) -> None:
        """Delete abandoned downloads, incomplete rows and unreferenced chunks, unless another tab does.

        Raises:
            StorageError: If the browser's storage fails. Earlier deletions stay done.
        """
        async with self._locks.try_hold(SWEEP_LOCK) as is_free:
            if is_free:
                await self._partials.delete_where(self._is_abandoned)
                await self._delete_incomplete_rows()
                await self._delete_unreferenced_chunks()

    def _is_abandoned(self, row: Row) -> bool:
        return age(self._clock.now(), row["updatedAt"]) >= ABANDONED_AGE

    async def _delete_incomplete_rows(self) -> None:
        stores = ("headers", "files", "engines", "tasks")
        async with self._locks.hold(ROWS_LOCK):
            rows = await asyncio.gather(*(self._database.get_all(store) for store in stores))
            headers, files, *others = ({key_of(row) for row in part} for part in rows)
            incomplete = (headers | files).union(*others) - (headers & files)
            await self._database.commit(await self._cache.removal(incomplete))

    async def _delete_unreferenced_chunks(self) -> None:
        # In this order: the rows that name the chunks of a running download are read after its chunks.
        chunks = await self._database.get_all("chunks")
        referenced = {row["content"] for row in await self._database.get_all("partials")}
        referenced |= {row["content"] for row in await self._database.get_all("files")}
        await self._database.commit(
            [Delete("chunks", (row["content"], row["index"])) for row in chunks if row["content"] not in referenced]
        )

    async def _task_changes(self, removed: list[Row], rows: list[Row]) -> Changes:
        changes: Changes = [Delete("tasks", (row["taskName"], *key_of(row))) for row in removed]
        return [*changes, *await self._cache.removal(_keys_without_task(removed, rows))]

    async def _note_changes(self, removed: list[Row], rows: list[Row], filters: dict[str, str]) -> Changes:
        """Return the changes that delete pins and missing files of revisions without files.

        Args:
            removed: Rows of ``tasks`` that are deleted.
            rows: All rows of ``tasks``.
            filters: Names of models whose rows are deleted even if no task used them.
        """
        remaining = {revision_of(row) for row in rows if row not in removed}
        emptied = {revision_of(row) for row in removed} - remaining
        names = {key[:2] for key in emptied}
        if {"model", "revision"} <= filters.keys():
            names.add((filters["model"], filters["revision"]))
        missing, pins = await self._notes(None if filters and not {"model", "revision"} <= filters.keys() else names)
        emptied |= {revision_of(row) for row in (*missing, *pins) if filters and _matches(row, filters)} - remaining
        unused_pins = [pin for pin in map(revision_of, pins) if _covers(pin, emptied) and not _covers(pin, remaining)]
        return [
            *(Delete("missing", row["id"]) for row in missing if revision_of(row) in emptied),
            *(Delete("pins", pin) for pin in unused_pins),
        ]

    async def _notes(self, names: Collection[tuple[str, str]] | None) -> tuple[list[Row], list[Row]]:
        """Return the missing files and the pins of these models and revisions; None for those of all."""
        if names is None:
            missing, pins = await self._database.get_all("missing"), await self._database.get_all("pins")
            return [row for row in missing if "model" in row], pins  # the row of a missing collection names no model
        reading = [
            self._database.get_all(store, index="modelRevisionIndex", key=name)
            for store in ("missing", "pins")
            for name in sorted(names)
        ]
        rows = await asyncio.gather(*reading)
        return list(chain.from_iterable(rows[: len(names)])), list(chain.from_iterable(rows[len(names) :]))

    def _forget_memory(self, removed: list[Row], rows: list[Row], filters: dict[str, str]) -> None:
        deleted = _keys_without_task(removed, rows)
        for key in list(self._cache.memory):
            names = key_fields(key)
            if key in deleted or (filters and _matches(names, filters)):
                del self._cache.memory[key]


def _covers(pin: RevisionKey, revisions: Iterable[RevisionKey]) -> bool:
    return any(is_pinned(revision, {pin}) for revision in revisions)


def _matches(row: Row, names: dict[str, str]) -> bool:
    return all(row[name] == value for name, value in names.items())


def _keys_without_task(removed: list[Row], rows: list[Row]) -> set[FileKey]:
    """Return the files of ``removed`` that no other row of ``tasks`` names."""
    deleted = {(row["taskName"], key_of(row)) for row in removed}
    used = {key_of(row) for row in rows if (row["taskName"], key_of(row)) not in deleted}
    return {key_of(row) for row in removed} - used
