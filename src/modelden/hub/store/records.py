"""Rows of the stores and the values that they stand for. Pure.

Header records and their keys are Firefox's (``ModelHub.sys.mjs``, ``extractHeaders``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelden.ports import Blob, Row

FileKey = tuple[str, str, str]
"""Key of a stored file: model with host name, revision, path."""


class Provenance(NamedTuple):
    """Source of a file, stored with it.

    Attributes:
        headers: Response headers of the hub, names in lower case.
        integrity: Voucher for the hash, as in `integrity.ExpectedFile`.
        hub: Root URL of the hub; None for an imported file.
    """

    headers: Mapping[str, str]
    integrity: str
    hub: str | None


class CachedFile(NamedTuple):
    """A file of the cache, with its bytes.

    Attributes:
        blob: Bytes.
        sha256: SHA-256 in lower-case hexadecimal, computed when the bytes were stored.
        integrity: Voucher for the hash, as in `integrity.ExpectedFile`.
        fields: Header record.
        chunks: Number of chunks in which the bytes are stored.
    """

    blob: Blob
    sha256: str
    integrity: str
    fields: Mapping[str, Any]
    chunks: int = 1

    @property
    def etag(self) -> str | None:
        """Entity tag of the hub, or None when it sent none."""
        return etag_of(self.fields)


class PartialFile(NamedTuple):
    """The stored beginning of a file.

    Attributes:
        content: Content that its chunks belong to.
        url: URL of the download.
        validator: Strong entity tag, else the date of the last change; None without either.
        total: Size of the whole file in bytes, when known.
        received: Bytes that are stored.
        chunks: Number of chunks that are stored.
    """

    content: str
    url: str
    validator: str | None
    total: int | None
    received: int
    chunks: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is stored in this browser.

    Attributes:
        path: Path in the repository.
        size: Bytes, after decompression.
        content_type: Media type.
        etag: Entity tag of the hub, or None when it sent none.
        sha256: SHA-256 of the bytes in lower-case hexadecimal.
        integrity: Voucher for the hash: ``signed`` (a signed manifest), ``hub`` (the hub), or ``first-seen`` (nobody:
            the bytes are those of the first download).
        hub: Root URL of the hub that it came from; None when it was imported.
        last_updated: Time of storing, milliseconds since the epoch.
        last_used: Time of the last use, milliseconds since the epoch.
        engine_ids: Engines that use it.
        model: ``hostname/organization/name``.
        revision: Branch or version.
    """

    __module__ = "modelden"

    path: str
    size: int
    content_type: str
    etag: str | None
    sha256: str
    integrity: str
    hub: str | None
    last_updated: int
    last_used: int
    engine_ids: tuple[str, ...]
    model: str
    revision: str


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A revision of a model of which files, or beginnings of files, are stored.

    Attributes:
        name: ``hostname/organization/name``.
        revision: Branch or version.
        task_names: Tasks that use it.
        size: Bytes that are stored of all its files; equal files of other models share them.
        files: Number of complete files.
        last_updated: Time at which something of it was last stored, milliseconds since the epoch.
        last_used: Time at which a file was last read or a download began, milliseconds since the epoch.
        partial_files: Number of files of which a download was interrupted.
        partial_size: Bytes of ``size`` that belong to them.
    """

    __module__ = "modelden"

    name: str
    revision: str
    task_names: tuple[str, ...]
    size: int
    files: int
    last_updated: int
    last_used: int
    partial_files: int = 0
    partial_size: int = 0


def file_id(key: FileKey) -> str:
    """Return the key of a file in the stores ``files``, ``partials`` and ``missing``."""
    return "/".join(key)


def key_of(row: Row) -> FileKey:
    """Return the key of the file that a row belongs to."""
    return row["model"], row["revision"], row["file"]


def key_fields(key: FileKey) -> dict[str, Any]:
    """Return the members of a row that name its file."""
    model, revision, file = key
    return {"model": model, "revision": revision, "file": file}


def header_record(response: Mapping[str, str], size: int, now: int) -> Row:
    """Return Firefox's record of response headers, in Firefox's order of fields."""
    return {
        "Content-Type": response.get("content-type", "application/octet-stream").partition(";")[0].strip(),
        "Content-Length": response.get("content-length"),
        "ETag": response.get("etag", "NO_ETAG"),
        "fileSize": size,
        "lastUpdated": now,
        "lastUsed": now,
    }


def etag_of(fields: Mapping[str, Any]) -> str | None:
    """Return the entity tag of a header record."""
    etag: str = fields["ETag"]
    return None if etag == "NO_ETAG" else etag


def stored_models(headers: Iterable[Row], tasks: Iterable[Row], partials: Iterable[Row]) -> list[StoredModel]:
    """Return the models of these rows: those with complete files first, in the order of the rows."""
    task_names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in tasks:
        task_names[row["model"], row["revision"]].add(row["taskName"])
    fields: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in headers:
        fields[row["model"], row["revision"]].append(row["headers"])
    parts: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in partials:
        parts[row["model"], row["revision"]].append(row)
    return [_stored_model(key, tuple(sorted(task_names[key])), fields[key], parts[key]) for key in {**fields, **parts}]


def stored_files(headers: Iterable[Row], engines: Iterable[Row], files: Iterable[Row]) -> list[StoredFile]:
    """Return the files of these rows, in the order of ``headers``."""
    engine_ids = {key_of(row): tuple(row["engineIds"]) for row in engines}
    by_key = {key_of(row): row for row in files}
    return [
        _stored_file(row, by_key[key], engine_ids.get(key, ())) for row in headers if (key := key_of(row)) in by_key
    ]


def stored_size(headers: Iterable[Row], files: Iterable[Row]) -> int:
    """Return the bytes of the files of these rows; equal contents count once."""
    contents = {key_of(row): row["content"] for row in files}
    sizes = {contents[key]: row["headers"]["fileSize"] for row in headers if (key := key_of(row)) in contents}
    return sum(sizes.values())


def _stored_model(key: tuple[str, str], task_names: tuple[str, ...], files: list[Row], parts: list[Row]) -> StoredModel:
    partial_size = sum(row["received"] for row in parts)
    times = [row["updatedAt"] for row in parts]
    return StoredModel(
        name=key[0],
        revision=key[1],
        task_names=task_names,
        size=sum(file["fileSize"] for file in files) + partial_size,
        files=len(files),
        last_updated=max([*(file["lastUpdated"] for file in files), *times]),
        last_used=max([*(file["lastUsed"] for file in files), *times]),
        partial_files=len(parts),
        partial_size=partial_size,
    )


def _stored_file(header: Row, file: Row, engine_ids: tuple[str, ...]) -> StoredFile:
    fields = header["headers"]
    return StoredFile(
        path=header["file"],
        size=fields["fileSize"],
        content_type=fields["Content-Type"],
        etag=etag_of(fields),
        sha256=file["sha256"],
        integrity=file["integrity"],
        hub=file["hub"],
        last_updated=fields["lastUpdated"],
        last_used=fields["lastUsed"],
        engine_ids=engine_ids,
        model=header["model"],
        revision=header["revision"],
    )
