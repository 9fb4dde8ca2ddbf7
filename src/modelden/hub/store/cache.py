"""The model cache: complete files by their keys. Firefox's rows, and the contents that they stand for.

The bytes of a file, its header record, task and engine are written and deleted in one transaction. A file without space
in storage stays in the memory of the page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from modelden.errors import StorageError
from modelden.hub.store.contents import Changes, Content, Contents, ReceivedBody, read_chunks
from modelden.hub.store.records import (
    CachedFile,
    FileKey,
    Provenance,
    StoredFile,
    StoredModel,
    file_key,
    header_record,
    key_fields,
    key_of,
    stored_files,
    stored_models,
    stored_size,
)
from modelden.hub.store.schema import ROWS_LOCK
from modelden.hub.store.usage import Consumer, UsageLog
from modelden.ports import Blobs, Clock, Database, Delete, Key, Locks, Put, Row

logger = logging.getLogger(__name__)


class StagedFile(NamedTuple):
    """A complete, verified file that is not in the cache yet."""

    key: FileKey
    consumer: Consumer
    body: ReceivedBody
    provenance: Provenance

    def cached(self) -> CachedFile:
        """Return the file as the cache would."""
        fields = header_record(self.provenance.headers, self.body.size, 0)
        chunks = self.body.partial.chunks + bool(self.body.rest.size)
        return CachedFile(self.body.blob, self.body.sha256, self.provenance.integrity, fields, chunks)


class ModelCache:
    """Model files in the database `schema.MODEL_FILES`, and in memory.

    Attributes:
        memory: Files that storage had no space for.
    """

    def __init__(self, database: Database, blobs: Blobs, clock: Clock, locks: Locks) -> None:
        self.memory: dict[FileKey, CachedFile] = {}
        self._database = database
        self._contents = Contents(database)
        self._usage = UsageLog(database, clock, locks)
        self._blobs = blobs
        self._clock = clock
        self._locks = locks

    async def get(self, key: FileKey, consumer: Consumer | None) -> CachedFile | None:
        """Return a file and record its use; None if it is neither in memory nor stored completely.

        Args:
            key: Key of the file.
            consumer: User of the file; None to record nothing.
        """
        return self.memory.get(key) or (await self.read([key], consumer)).get(key)

    async def read(self, keys: Sequence[FileKey], consumer: Consumer | None) -> dict[FileKey, CachedFile]:
        """Return the files that are stored completely, and record their use. Incomplete ones are deleted."""
        files = await self._read(keys, consumer)
        if incomplete := [key for key, file in files.items() if file is None]:
            async with self._locks.hold(
                ROWS_LOCK
            ):  # another tab may have replaced a file between its row and its bytes
                files |= await self._read(incomplete)
                broken = {key for key in incomplete if files.get(key) is None}
                await self._database.commit(await self.removal(broken))
        return {key: file for key, file in files.items() if file is not None}

    async def replaced_files(self, served: Mapping[FileKey, str]) -> set[FileKey]:
        """Return the files that are stored by now with another SHA-256 than the given one."""
        keys = [key for key in served if key not in self.memory]
        rows = await self._database.get_many([("files", key.id) for key in keys])
        stored = {key: row["sha256"] for key, row in zip(keys, rows, strict=True) if row is not None}
        return {key for key, sha256 in stored.items() if sha256 != served[key]}

    async def put(self, files: Sequence[StagedFile], deleted: Collection[FileKey] = ()) -> list[Mapping[str, Any]]:
        """Store files, and delete others, in one transaction; returns the header records of the stored ones.

        Raises:
            QuotaExceeded, StorageUnavailable: Nothing changed then.
        """
        records: list[Mapping[str, Any]] = []
        async with self._locks.hold(ROWS_LOCK):
            changes: Changes = []
            replaced: list[Row] = []
            contents: list[Content] = []
            for file in files:
                (completion, content), usage, row = await asyncio.gather(
                    self._contents.complete(file.key, file.body),
                    self._usage.changes(file.key, file.consumer),
                    self._database.get("files", file.key.id),
                )
                fields = header_record(file.provenance.headers, file.body.size, self._clock.now())
                rows = _file_rows(file.key, fields, file.body.sha256, content, file.provenance)
                changes += [*completion, *rows, *usage]
                contents.append(content)
                replaced += [row] if row else []
                records.append(fields)
            if replaced:
                changes += await self._contents.unreferenced(replaced, retained=contents)
            if deleted:
                changes += await self.removal(set(deleted), retained=contents)
            await self._database.commit(changes)
        return records

    async def link(self, key: FileKey, consumer: Consumer, source: FileKey, provenance: Provenance) -> bool:
        """Store the content of ``source`` as another file too; False if it is not stored any more."""
        async with self._locks.hold(ROWS_LOCK):
            file, header, replaced = await self._database.get_many(
                [("files", source.id), ("headers", source), ("files", key.id)]
            )
            if file is None or header is None:
                return False
            content = Content(file["content"], file["chunks"])
            fields = header_record(provenance.headers, header["headers"]["fileSize"], self._clock.now())
            changes = await self._contents.unreferenced([replaced] if replaced else [], retained=[content])
            changes += _file_rows(key, fields, file["sha256"], content, provenance)
            await self._database.commit([*changes, *await self._usage.changes(key, consumer)])
        return True

    async def set_integrity(self, key: FileKey, sha256: str, integrity: str) -> None:
        """Store who vouches for a file's hash, if the file still has it. A failure of storage is logged."""
        if key in self.memory:
            self.memory[key] = self.memory[key]._replace(integrity=integrity)
        try:
            async with self._locks.hold(ROWS_LOCK):
                row = await self._database.get("files", key.id)
                if row is not None and row["sha256"] == sha256:
                    await self._database.commit([Put("files", {**row, "integrity": integrity})])
        except StorageError as error:
            logger.warning("That %s fits its manifest is not stored. %s", key.id, error)

    async def other_revisions(self, key: FileKey) -> dict[FileKey, StoredFile]:
        """Return the same file of other revisions of the same hub: entity tags of two hubs have nothing in common."""
        rows = await self._database.get_all("files", index="modelFileIndex", key=(key.model, key.path))
        keys = [other for row in rows if (other := key_of(row)) != key and other.root == key.root]
        headers = await self._database.get_many([("headers", other) for other in keys])
        listed = stored_files([row for row in headers if row is not None], [], rows)
        return {file_key(file): file for file in listed}

    async def roots_of_host(self, model: str) -> set[str]:
        """Return the roots of all hubs with the host name of a model that have complete files."""
        prefix = model.partition("/")[0] + "/"
        return {row["root"] for row in await self._database.get_all("files") if row["model"].startswith(prefix)}

    async def with_hash(self, sha256: str) -> FileKey | None:
        """Return the key of a file with this SHA-256."""
        rows = await self._database.get_all("files", index="sha256Index", key=sha256)
        return key_of(rows[0]) if rows else None

    async def list_models(self) -> list[StoredModel]:
        """Return all models and revisions: those with complete files first, by their names."""
        stores = ("headers", "tasks", "partials")
        return stored_models(*await asyncio.gather(*(self._database.get_all(store) for store in stores)))

    async def list_files(self, model: str, revision: str, root: str | None = None) -> list[StoredFile]:
        """Return the complete files of a revision, in the order of their paths; None for those of all hubs."""
        stores = ("headers", "engines", "files")
        reading = (self._database.get_all(store, index="modelRevisionIndex", key=(model, revision)) for store in stores)
        headers, *others = await asyncio.gather(*reading)
        return stored_files([row for row in headers if root in (None, row["root"])], *others)

    async def list_task_files(self, task_name: str) -> list[StoredFile]:
        """Return the files of a task, in the order of models, revisions and paths."""
        stores = ("headers", "engines", "files", "tasks")
        headers, engines, files, tasks = await asyncio.gather(*(self._database.get_all(store) for store in stores))
        keys = {key_of(row) for row in tasks if row["taskName"] == task_name}
        return stored_files([row for row in headers if key_of(row) in keys], engines, files)

    async def size(self) -> int:
        """Return the stored bytes of complete files; equal contents count once."""
        return stored_size(*await asyncio.gather(self._database.get_all("headers"), self._database.get_all("files")))

    async def removal(self, keys: set[FileKey], retained: Collection[Content] = ()) -> Changes:
        """Return the changes that delete files; the caller holds `schema.ROWS_LOCK`.

        Args:
            keys: Files.
            retained: Contents that rows of the same transaction name.
        """
        changes: Changes = []
        files = []
        for key in sorted(keys):
            tasks = await self._database.get_all("tasks", index="modelRevisionFileIndex", key=key[:3])
            changes += [Delete("tasks", (row["taskName"], *key)) for row in tasks if row["root"] == key.root]
            changes += [Delete(store, key) for store in ("headers", "engines")]
            changes.append(Delete("files", key.id))
            file = await self._database.get("files", key.id)
            files += [file] if file else []
        return [*changes, *await self._contents.unreferenced(files, retained)]

    async def _read(
        self, keys: Sequence[FileKey], consumer: Consumer | None = None
    ) -> dict[FileKey, CachedFile | None]:
        """Return files by their rows at one moment; None for a file whose bytes do not fit its row.

        The use is recorded while the bytes are read.
        """
        stores: list[tuple[str, Key]] = [row for key in keys for row in (("headers", key), ("files", key.id))]
        rows = iter(await self._database.get_many(stores))
        stored = {key: (header, file) for key, header, file in zip(keys, rows, rows, strict=True) if header and file}
        reading = asyncio.gather(*(self._read_bytes(*pair) for pair in stored.values()))
        if consumer is None or not stored:
            return dict(zip(stored, await reading, strict=True))
        files, time = await asyncio.gather(reading, self._usage.record(list(stored), consumer))
        used = (file and file._replace(fields={**file.fields, "lastUsed": time}) for file in files)
        return dict(zip(stored, used, strict=True))

    async def _read_bytes(self, header: Row, file: Row) -> CachedFile | None:
        fields = header["headers"]
        blob = self._blobs.join(await read_chunks(self._database, file["content"]), fields["Content-Type"])
        if blob.size != fields["fileSize"]:
            return None
        return CachedFile(blob, file["sha256"], file["integrity"], fields, file["chunks"])


def _file_rows(key: FileKey, fields: Row, sha256: str, content: Content, provenance: Provenance) -> Changes:
    """Return the changes that store the rows of a file."""
    names = key_fields(key)
    file = {
        "id": key.id,
        **names,
        "sha256": sha256,
        "integrity": provenance.integrity,
        "hub": provenance.hub,
        "content": content.id,
        "chunks": content.chunks,
    }
    return [Put("files", file), Put("headers", {**names, "headers": fields}), Delete("missing", key.id)]
