"""What is kept of models: Firefox's rows, and the bytes. The only place that knows their shapes.

A file's bytes, header record, task and engine become visible in one transaction, and go in one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelden.ports import Blob, Clock, Database, Delete, Put, Row

FileKey = tuple[str, str, str]
"""Model with its host name, revision, path."""


@dataclass(frozen=True, slots=True)
class Use:
    """Who uses a file.

    Attributes:
        task_name: The task.
        engine_id: The engine.
    """

    task_name: str
    engine_id: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept.

    Attributes:
        path: Path in the repository.
        size: In bytes, after decompression.
        content_type: Its media type.
        etag: The hub's entity tag, or None when it sent none.
        sha256: SHA-256 of the bytes in lower-case hexadecimal.
        last_updated: When it was stored, milliseconds since the epoch.
        last_used: When it was last read, milliseconds since the epoch.
        engine_ids: The engines that use it.
    """

    path: str
    size: int
    content_type: str
    etag: str | None
    sha256: str
    last_updated: int
    last_used: int
    engine_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A revision of a model of which files are kept.

    Attributes:
        name: ``hostname/organization/name``.
        revision: Branch or version.
        task_names: The tasks that use it.
        size: Bytes of all its files.
        files: Number of files.
        last_updated: When the newest file was stored, milliseconds since the epoch.
        last_used: When a file was last read, milliseconds since the epoch.
    """

    name: str
    revision: str
    task_names: tuple[str, ...]
    size: int
    files: int
    last_updated: int
    last_used: int


class ModelCache:
    """Keeps model files in the database `hub.schema.MODEL_FILES`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._clock = clock
        # Rows are read, changed and written back; one writer at a time, so that no engine id is lost.
        self._writing = asyncio.Lock()

    async def get(self, key: FileKey, use: Use) -> tuple[Blob, str | None] | None:
        """Return a file's bytes and entity tag, and note the use; None when it is not kept, or not whole."""
        headers, kept = await asyncio.gather(
            self._database.get("headers", key), self._database.get("files", _file_id(key))
        )
        if headers is None or kept is None:
            return None
        blob: Blob = kept["data"]
        fields = headers["headers"]
        if blob.size != fields["fileSize"]:
            await self._delete([key])
            return None
        async with self._writing:
            headers["headers"] = {**fields, "lastUsed": self._clock.now()}
            await self._database.commit([Put("headers", headers), *await self._use_rows(key, use)])
        return blob, _etag(fields)

    async def put(self, key: FileKey, use: Use, blob: Blob, sha256: str, response: Mapping[str, str]) -> None:
        """Keep a whole file.

        Args:
            key: Which file.
            use: For whom.
            blob: All its bytes.
            sha256: Their SHA-256 in lower-case hexadecimal.
            response: The hub's response headers, names in lower case.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        model, revision, file = key
        now = self._clock.now()
        # Firefox's fields, in its order (ModelHub.sys.mjs, extractHeaders).
        headers = {
            "Content-Type": response.get("content-type", "application/octet-stream").partition(";")[0].strip(),
            "Content-Length": response.get("content-length"),
            "ETag": response.get("etag", "NO_ETAG"),
            "fileSize": blob.size,
            "lastUpdated": now,
            "lastUsed": now,
        }
        async with self._writing:
            await self._database.commit(
                [
                    Put("files", {"id": _file_id(key), "sha256": sha256}, {("data",): blob}),
                    Put(
                        "headers",
                        {"model": model, "revision": revision, "file": file, "headers": headers},
                    ),
                    *await self._use_rows(key, use),
                ]
            )

    async def list_models(self) -> list[StoredModel]:
        """Return every model and revision of which files are kept, in the order of their names."""
        headers, tasks = await asyncio.gather(self._database.get_all("headers"), self._database.get_all("tasks"))
        task_names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in tasks:
            task_names[row["model"], row["revision"]].add(row["taskName"])
        fields: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in headers:
            fields[row["model"], row["revision"]].append(row["headers"])
        return [
            StoredModel(
                name=name,
                revision=revision,
                task_names=tuple(sorted(task_names[name, revision])),
                size=sum(file["fileSize"] for file in files),
                files=len(files),
                last_updated=max(file["lastUpdated"] for file in files),
                last_used=max(file["lastUsed"] for file in files),
            )
            for (name, revision), files in fields.items()
        ]

    async def list_files(self, model: str, revision: str) -> list[StoredFile]:
        """Return the files kept of a revision, in the order of their paths."""
        headers, engines = await asyncio.gather(
            self._database.get_all("headers", index="modelRevisionIndex", key=(model, revision)),
            self._database.get_all("engines", index="modelRevisionIndex", key=(model, revision)),
        )
        engine_ids = {row["file"]: tuple(row["engineIds"]) for row in engines}
        files = await asyncio.gather(*(self._database.get("files", _file_id(_key(row))) for row in headers))
        return [
            _stored_file(row, kept, engine_ids.get(row["file"], ()))
            for row, kept in zip(headers, files, strict=True)
            if kept is not None
        ]

    async def delete(self, model: str, revision: str) -> None:
        """Remove all files of a revision, in one transaction."""
        async with self._writing:
            rows = await self._database.get_all("headers", index="modelRevisionIndex", key=(model, revision))
            await self._delete(_key(row) for row in rows)

    async def _delete(self, keys: Iterable[FileKey]) -> None:
        changes: list[Put | Delete] = []
        for key in keys:
            tasks = await self._database.get_all("tasks", index="modelRevisionFileIndex", key=key)
            changes += [Delete("tasks", (row["taskName"], *key)) for row in tasks]
            changes += [
                Delete("headers", key),
                Delete("engines", key),
                Delete("files", _file_id(key)),
            ]
        await self._database.commit(changes)

    async def _use_rows(self, key: FileKey, use: Use) -> list[Put]:
        model, revision, file = key
        names: dict[str, Any] = {"model": model, "revision": revision, "file": file}
        known = await self._database.get("engines", key)
        engine_ids = list(known["engineIds"]) if known else []
        if use.engine_id not in engine_ids:
            engine_ids.append(use.engine_id)
        return [
            Put("tasks", {"taskName": use.task_name, **names}),
            Put("engines", {"engineIds": engine_ids, **names}),
        ]


def _stored_file(row: Row, kept: Row, engine_ids: tuple[str, ...]) -> StoredFile:
    fields = row["headers"]
    return StoredFile(
        path=row["file"],
        size=fields["fileSize"],
        content_type=fields["Content-Type"],
        etag=_etag(fields),
        sha256=kept["sha256"],
        last_updated=fields["lastUpdated"],
        last_used=fields["lastUsed"],
        engine_ids=engine_ids,
    )


def _etag(fields: Mapping[str, Any]) -> str | None:
    etag: str = fields["ETag"]
    return None if etag == "NO_ETAG" else etag


def _key(row: Row) -> FileKey:
    return row["model"], row["revision"], row["file"]


def _file_id(key: FileKey) -> str:
    return "/".join(key)
