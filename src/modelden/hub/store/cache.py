"""What is kept of models: Firefox's rows, and which bytes they stand for. Only this and `partials` know the rows.

A file's bytes, header record, task and engine come and go in one transaction. Equal bytes are kept once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.hub.begun import Begun
from modelden.hub.store.contents import ROWS_LOCK, Changes, Contents, key_of, names_of
from modelden.hub.store.partials import Content, FileKey, file_id, read_chunks
from modelden.hub.store.records import (
    CachedFile,
    Provenance,
    StoredFile,
    StoredModel,
    header_record,
    stored_files,
    stored_models,
    stored_size,
)
from modelden.hub.store.usage import Consumer, UsageLog
from modelden.ports import Blobs, Clock, Database, Delete, Key, Locks, Put, Row

if TYPE_CHECKING:
    from modelden.hub.download.chunk_writer import ReceivedBody

logger = logging.getLogger(__name__)


class StagedFile(NamedTuple):
    """A whole file that was checked, and is not kept yet."""

    key: FileKey
    use: Consumer
    received: ReceivedBody
    origin: Provenance


class ModelCache:
    """Keeps model files in the database `hub.schema.MODEL_FILES`.

    Attributes:
        begun: The downloads that have begun.
    """

    def __init__(self, database: Database, blobs: Blobs, clock: Clock, locks: Locks) -> None:
        """Nothing is read yet."""
        self._database = database
        self._contents = Contents(database)
        self._uses = UsageLog(database, clock, locks)
        self.begun = Begun(database, locks)
        self._blobs = blobs
        self._clock = clock
        self._locks = locks

    async def get(self, key: FileKey, use: Consumer | None) -> CachedFile | None:
        """Return a file and note its use; None when it is not kept, or not whole: then it is dropped."""
        return (await self.get_all([key], use)).get(key)

    async def get_all(self, keys: Sequence[FileKey], use: Consumer | None) -> dict[FileKey, CachedFile]:
        """Return those of these files that are kept whole, and note their use: as `get`, in fewer transactions."""
        found = await self._found(keys, use)
        if torn := [key for key, kept in found.items() if kept is None]:
            async with self._locks.hold(ROWS_LOCK):  # so that nobody replaces them: that may have been all
                again = await self._found(torn)
                broken = {key for key, kept in again.items() if kept is None}
                await self._database.commit(await self._removal(broken))
            found |= again
        return {key: kept for key, kept in found.items() if kept is not None}

    async def hashes(self, keys: Sequence[FileKey]) -> dict[FileKey, str]:
        """Return the SHA-256 of those of these files that are kept, as they are at one moment."""
        rows = await self._database.get_many([("files", file_id(key)) for key in keys])
        return {key: row["sha256"] for key, row in zip(keys, rows, strict=True) if row is not None}

    async def _found(self, keys: Sequence[FileKey], use: Consumer | None = None) -> dict[FileKey, CachedFile | None]:
        """Return files by what their rows say at one moment; None for one that has not the bytes of its row.

        Their use is noted while the bytes are looked up.
        """
        stores: list[tuple[str, Key]] = [each for key in keys for each in (("headers", key), ("files", file_id(key)))]
        rows = iter(await self._database.get_many(stores))
        there = {key: (header, file) for key, header, file in zip(keys, rows, rows, strict=True) if header and file}
        reading = asyncio.gather(*(self._whole(*rows) for rows in there.values()))
        if use is None or not there:
            return dict(zip(there, await reading, strict=True))
        whole, at = await asyncio.gather(reading, self._uses.note(list(there), use))
        noted = (kept and kept._replace(fields={**kept.fields, "lastUsed": at}) for kept in whole)
        return dict(zip(there, noted, strict=True))

    async def _whole(self, header: Row, file: Row) -> CachedFile | None:
        fields = header["headers"]
        blob = self._blobs.join(await read_chunks(self._database, file["content"]), fields["Content-Type"])
        return CachedFile(blob, file["sha256"], file["integrity"], fields) if blob.size == fields["fileSize"] else None

    async def put(self, key: FileKey, use: Consumer, received: ReceivedBody, origin: Provenance) -> Mapping[str, Any]:
        """Keep a whole file; returns its header record.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        (fields,) = await self.put_all([StagedFile(key, use, received, origin)])
        return fields

    async def put_all(self, arrivals: Sequence[StagedFile], gone: Iterable[FileKey] = ()) -> list[Mapping[str, Any]]:
        """Keep whole files, and remove others, in one transaction; returns the header records of those that are kept.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        records: list[Mapping[str, Any]] = []
        async with self._locks.hold(ROWS_LOCK):
            changes: Changes = []
            before: list[Row] = []
            contents: list[Content] = []
            for each in arrivals:
                (come, content), uses, old = await asyncio.gather(
                    self._contents.of(each.key, each.received),
                    self._uses.rows(each.key, each.use),
                    self._database.get("files", file_id(each.key)),
                )
                fields = header_record(each.origin.headers, each.received.size, self._clock.now())
                changes += [*come, *_rows(each.key, fields, each.received.sha256, content, each.origin), *uses]
                contents.append(content)
                before += [old] if old else []
                records.append(fields)
            changes += await self._contents.unused(before, spared=contents)
            changes += await self._removal(set(gone), spared=contents)
            await self._database.commit(changes)
        return records

    async def link(self, key: FileKey, use: Consumer, twin: FileKey, origin: Provenance) -> bool:
        """Keep the bytes of ``twin`` as another file too; False when they are not there any more."""
        async with self._locks.hold(ROWS_LOCK):
            file = await self._database.get("files", file_id(twin))
            row = await self._database.get("headers", twin)
            if file is None or row is None:
                return False
            content = Content(file["content"], file["chunks"])
            fields = header_record(origin.headers, row["headers"]["fileSize"], self._clock.now())
            before = await self._database.get("files", file_id(key))
            changes = await self._contents.unused([before] if before else [], spared=[content])
            changes += _rows(key, fields, file["sha256"], content, origin)
            await self._database.commit([*changes, *await self._uses.rows(key, use)])
        return True

    async def twins(self, key: FileKey) -> dict[FileKey, StoredFile]:
        """Return the same file of other revisions."""
        model, _, name = key
        files = await self._database.get_all("files", index="modelFileIndex", key=(model, name))
        keys = [other for row in files if (other := key_of(row)) != key]
        rows = [await self._database.get("headers", each) for each in keys]
        found = stored_files([row for row in rows if row is not None], [], files)
        return {(file.model, file.revision, file.path): file for file in found}

    async def with_hash(self, sha256: str) -> FileKey | None:
        """Return a file that has these bytes."""
        rows = await self._database.get_all("files", index="sha256Index", key=sha256)
        return key_of(rows[0]) if rows else None

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which anything is stored: those with whole files first, by their names."""
        stores = ("headers", "tasks", "partials")
        return stored_models(*await asyncio.gather(*(self._database.get_all(store) for store in stores)))

    async def list_files(self, model: str, revision: str) -> list[StoredFile]:
        """Return the files kept of a revision, in the order of their paths."""
        stores = ("headers", "engines", "files")
        wanted = (self._database.get_all(store, index="modelRevisionIndex", key=(model, revision)) for store in stores)
        return stored_files(*await asyncio.gather(*wanted))

    async def list_task_files(self, task_name: str) -> list[StoredFile]:
        """Return the files that a task uses, in the order of models, revisions and paths."""
        stores = ("headers", "engines", "files", "tasks")
        headers, engines, files, tasks = await asyncio.gather(*(self._database.get_all(store) for store in stores))
        keys = {key_of(row) for row in tasks if row["taskName"] == task_name}
        return stored_files([row for row in headers if key_of(row) in keys], engines, files)

    async def size(self) -> int:
        """Return the bytes that are kept, equal ones counted once."""
        return stored_size(*await asyncio.gather(self._database.get_all("headers"), self._database.get_all("files")))

    async def delete(
        self, *, task_name: str | None = None, model: str | None = None, revision: str | None = None
    ) -> None:
        """Take files from tasks, those that fit what is given; files that no task uses any more are removed.

        With a model, what is stored of downloads that nobody is at goes as well.
        """
        wanted = {"taskName": task_name, "model": model, "revision": revision}
        given = {name: value for name, value in wanted.items() if value is not None}
        async with self._locks.hold(ROWS_LOCK):
            one = None if model is None or revision is None else (model, revision)
            index = None if one is None else "modelRevisionIndex"
            rows = await self._database.get_all("tasks", index=index, key=one)
            taken = [row for row in rows if all(row[name] == value for name, value in given.items())]
            changes = await self._without_tasks(taken, rows)
            if one:
                missing = await self._database.get_all("missing", index=index, key=one)
                changes += [Delete("missing", row["id"]) for row in missing]
            await self._database.commit(changes)
        if model is not None:
            await self.begun.drop(lambda row: row["model"] == model and revision in (None, row["revision"]))

    async def delete_other_revisions(self, task_name: str, model: str, revision: str) -> None:
        """Take the other revisions of a model from a task; files that no task uses any more are removed."""
        async with self._locks.hold(ROWS_LOCK):
            rows = await self._database.get_all("tasks")
            taken = [
                row
                for row in rows
                if row["taskName"] == task_name and row["model"] == model and row["revision"] != revision
            ]
            await self._database.commit(await self._without_tasks(taken, rows))

    async def delete_by_engine(self, engine_id: str) -> None:
        """Take all files from an engine; those that no engine uses any more are removed."""
        async with self._locks.hold(ROWS_LOCK):
            rows = [row for row in await self._database.get_all("engines") if engine_id in row["engineIds"]]
            left = {key_of(row): [each for each in row["engineIds"] if each != engine_id] for row in rows}
            changes: Changes = [
                Put("engines", {**row, "engineIds": left[key_of(row)]}) for row in rows if left[key_of(row)]
            ]
            changes += await self._removal({key for key, others in left.items() if not others})
            await self._database.commit(changes)

    async def purge(self) -> None:
        """Remove everything that is stored; downloads that run go on."""
        await self.begun.drop(lambda _row: True)
        async with self._locks.hold(ROWS_LOCK):
            keys = {key_of(row) for store in ("headers", "files") for row in await self._database.get_all(store)}
            changes = await self._removal(keys)
            changes += [Delete("missing", row["id"]) for row in await self._database.get_all("missing")]
            changes += [Delete("pins", (row["model"], row["revision"])) for row in await self._database.get_all("pins")]
            await self._database.commit(changes)

    async def drop_content_of(self, key: FileKey) -> None:
        """Remove all files that have the same bytes as this one: the bytes are damaged."""
        file = await self._database.get("files", file_id(key))
        if file is not None:
            rows = await self._database.get_all("files", index="contentIndex", key=file["content"])
            await self.drop(key_of(row) for row in rows)

    async def drop(self, keys: Iterable[FileKey]) -> None:
        """Remove files, whoever uses them."""
        async with self._locks.hold(ROWS_LOCK):
            await self._database.commit(await self._removal(set(keys)))

    async def drop_lost(self) -> None:
        """Remove what has lost its bytes or its header record: both come and go together, so it was not ours."""
        stores = ("headers", "files", "engines", "tasks")
        async with self._locks.hold(ROWS_LOCK):
            rows = await asyncio.gather(*(self._database.get_all(store) for store in stores))
            headers, files, *others = ({key_of(row) for row in each} for each in rows)
            await self._database.commit(await self._removal((headers | files).union(*others) - (headers & files)))

    async def _without_tasks(self, taken: list[Row], rows: list[Row]) -> Changes:
        changes: Changes = [Delete("tasks", (row["taskName"], *key_of(row))) for row in taken]
        gone = {(row["taskName"], key_of(row)) for row in taken}
        still_used = {key_of(row) for row in rows if (row["taskName"], key_of(row)) not in gone}
        return [*changes, *await self._removal({key_of(row) for row in taken} - still_used)]

    async def _removal(self, keys: set[FileKey], spared: Collection[Content] = ()) -> Changes:
        changes: Changes = []
        files = []
        for key in sorted(keys):
            tasks = await self._database.get_all("tasks", index="modelRevisionFileIndex", key=key)
            changes += [Delete("tasks", (row["taskName"], *key)) for row in tasks]
            changes += [Delete(store, key) for store in ("headers", "engines")]
            changes.append(Delete("files", file_id(key)))
            file = await self._database.get("files", file_id(key))
            files += [file] if file else []
        return [*changes, *await self._contents.unused(files, spared)]


def _rows(key: FileKey, fields: Row, sha256: str, content: Content, origin: Provenance) -> Changes:
    """Return the changes that say what a file is."""
    names = names_of(key)
    file = {
        "id": file_id(key),
        **names,
        "sha256": sha256,
        "integrity": origin.integrity,
        "hub": origin.hub,
        "content": content.id,
        "chunks": content.chunks,
    }
    return [Put("files", file), Put("headers", {**names, "headers": fields}), Delete("missing", file_id(key))]
