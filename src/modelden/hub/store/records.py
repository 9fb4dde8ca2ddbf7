"""Rows of the stores and the values that they stand for. Pure.

Header records and their keys are Firefox's (``ModelHub.sys.mjs``, ``extractHeaders``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.hub.catalog.names import NO_ETAG

if TYPE_CHECKING:
    from modelden.ports import Blob, Row

RevisionKey = tuple[str, str, str]
"""Key of a stored revision: model with host name, revision, root URL of the hub."""


class _FileKeyFields(NamedTuple):
    model: str
    revision: str
    path: str
    root: str


class FileKey(_FileKeyFields):
    """Key of a stored file, in the order of the stores' key paths: Firefox's members, and the hub.

    Attributes:
        model: ``hostname/organization/name``.
        revision: Branch or version.
        path: Path in the repository.
        root: Root URL of the hub (`names.canonical_root`); `UNKNOWN_ROOT` if only its host is known.
    """

    @cached_property
    def id(self) -> str:
        """Key of the file in the stores ``files``, ``partials`` and ``missing``. Escapes keep its parts apart."""
        root = self.root.replace(" ", "%20")
        revision = self.revision.replace("%", "%25").replace("/", "%2F")
        return f"{root} {self.model}/{revision}/{self.path}"

    @cached_property
    def revision_key(self) -> RevisionKey:
        """Key of the file's revision."""
        return self.model, self.revision, self.root

    @cached_property
    def name(self) -> str:
        """Name of the file in messages."""
        return f"{self.model}/{self.revision}/{self.path}"


UNKNOWN_ROOT = ""
"""Root of a file that was stored by host name only, before roots were keys. Of a pin: all hubs with that host name."""


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


CachedFiles = dict[FileKey, CachedFile]
"""Files by their keys."""


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
        root_url: Root URL of the hub that it belongs to; ``hub`` may be a mirror of that. None if only its host name is
            known.
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
    root_url: str | None


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
        root_url: Root URL of the hub that it belongs to; None if only its host name is known. Hubs with one host name
            can have models of one name.
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
    root_url: str | None = None


def key_of(row: Row) -> FileKey:
    """Return the key of the file that a row belongs to."""
    return FileKey(row["model"], row["revision"], row["file"], row["root"])


def revision_of(row: Row) -> RevisionKey:
    """Return the key of the revision that a row belongs to."""
    return row["model"], row["revision"], row["root"]


def file_key(file: StoredFile) -> FileKey:
    """Return the key of a listed file."""
    return FileKey(file.model, file.revision, file.path, file.root_url or UNKNOWN_ROOT)


def model_key(model: StoredModel) -> RevisionKey:
    """Return the key of a listed revision of a model."""
    return model.name, model.revision, model.root_url or UNKNOWN_ROOT


def key_fields(key: FileKey) -> dict[str, Any]:
    """Return the members of a row that name its file."""
    return {"model": key.model, "revision": key.revision, "file": key.path, "root": key.root}


def header_record(response: Mapping[str, str], size: int, now: int) -> Row:
    """Return Firefox's record of response headers, in Firefox's order of fields."""
    return {
        "Content-Type": response.get("content-type", "").partition(";")[0].strip() or "application/octet-stream",
        "Content-Length": response.get("content-length"),
        "ETag": response.get("etag", NO_ETAG),
        "fileSize": size,
        "lastUpdated": now,
        "lastUsed": now,
    }


def etag_of(fields: Mapping[str, Any]) -> str | None:
    """Return the entity tag of a header record."""
    etag: str = fields["ETag"]
    return None if etag == NO_ETAG else etag


def stored_models(headers: Iterable[Row], tasks: Iterable[Row], partials: Iterable[Row]) -> list[StoredModel]:
    """Return the models of these rows: those with complete files first, in the order of the rows."""
    task_names: dict[RevisionKey, set[str]] = defaultdict(set)
    for row in tasks:
        task_names[revision_of(row)].add(row["taskName"])
    fields: dict[RevisionKey, list[Row]] = defaultdict(list)
    for row in headers:
        fields[revision_of(row)].append(row["headers"])
    parts: dict[RevisionKey, list[Row]] = defaultdict(list)
    for row in partials:
        parts[revision_of(row)].append(row)
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


def _stored_model(key: RevisionKey, task_names: tuple[str, ...], files: list[Row], parts: list[Row]) -> StoredModel:
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
        root_url=key[2] or None,
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
        root_url=header["root"] or None,
    )
