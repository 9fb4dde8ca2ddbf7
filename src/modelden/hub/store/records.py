"""What is kept, as values, made from rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.ports import Blob, Row

if TYPE_CHECKING:
    from modelden.ports import Row


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept.

    Attributes:
        path: Path in the repository.
        size: In bytes, after decompression.
        content_type: Its media type.
        etag: The hub's entity tag, or None when it sent none.
        sha256: SHA-256 of the bytes in lower-case hexadecimal.
        integrity: Who vouches for the hash: ``signed`` (a signed manifest), ``hub`` (the hub), or ``first-seen``
            (nobody: it is what came first).
        hub: Root URL of the hub it came from; None when it was imported.
        last_updated: When it was stored, milliseconds since the epoch.
        last_used: When it was last read, milliseconds since the epoch.
        engine_ids: The engines that use it.
        model: ``hostname/organization/name``.
        revision: Branch or version.
    """

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
    """A revision of a model of which files are kept, or have begun to come.

    Attributes:
        name: ``hostname/organization/name``.
        revision: Branch or version.
        task_names: The tasks that use it.
        size: Bytes that are stored of all its files; equal files of other models share them.
        files: Number of whole files.
        last_updated: When something of it was last stored, milliseconds since the epoch.
        last_used: When a file was last read or begun, milliseconds since the epoch.
        partial_files: Number of files of which a download has begun, and not ended.
        partial_size: Bytes of ``size`` that are theirs.
    """

    name: str
    revision: str
    task_names: tuple[str, ...]
    size: int
    files: int
    last_updated: int
    last_used: int
    partial_files: int = 0
    partial_size: int = 0


def stored_models(headers: Iterable[Row], tasks: Iterable[Row], partials: Iterable[Row]) -> list[StoredModel]:
    """Return the models of these rows, in the order of the first ones."""
    task_names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in tasks:
        task_names[row["model"], row["revision"]].add(row["taskName"])
    fields: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in headers:
        fields[row["model"], row["revision"]].append(row["headers"])
    begun: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in partials:
        begun[row["model"], row["revision"]].append(row)
    return [_stored_model(key, tuple(sorted(task_names[key])), fields[key], begun[key]) for key in {**fields, **begun}]


def stored_files(headers: Iterable[Row], engines: Iterable[Row], files: Iterable[Row]) -> list[StoredFile]:
    """Return the files of these rows, in the order of the first ones."""
    engine_ids = {_key(row): tuple(row["engineIds"]) for row in engines}
    kept = {_key(row): row for row in files}
    return [_stored_file(row, kept[_key(row)], engine_ids.get(_key(row), ())) for row in headers if _key(row) in kept]


def stored_size(headers: Iterable[Row], files: Iterable[Row]) -> int:
    """Return the bytes of the files of these rows, equal ones counted once."""
    contents = {_key(row): row["content"] for row in files}
    sizes = {contents[_key(row)]: row["headers"]["fileSize"] for row in headers if _key(row) in contents}
    return sum(sizes.values())


def _stored_model(key: tuple[str, str], task_names: tuple[str, ...], files: list[Row], begun: list[Row]) -> StoredModel:
    partial_size = sum(row["received"] for row in begun)
    times = [row["updatedAt"] for row in begun]
    return StoredModel(
        name=key[0],
        revision=key[1],
        task_names=task_names,
        size=sum(file["fileSize"] for file in files) + partial_size,
        files=len(files),
        last_updated=max([*(file["lastUpdated"] for file in files), *times]),
        last_used=max([*(file["lastUsed"] for file in files), *times]),
        partial_files=len(begun),
        partial_size=partial_size,
    )


def etag_of(fields: Mapping[str, Any]) -> str | None:
    """Return the entity tag of a header record."""
    etag: str = fields["ETag"]
    return None if etag == "NO_ETAG" else etag


def _stored_file(row: Row, kept: Row, engine_ids: tuple[str, ...]) -> StoredFile:
    fields = row["headers"]
    return StoredFile(
        path=row["file"],
        size=fields["fileSize"],
        content_type=fields["Content-Type"],
        etag=etag_of(fields),
        sha256=kept["sha256"],
        integrity=kept["integrity"],
        hub=kept["hub"],
        last_updated=fields["lastUpdated"],
        last_used=fields["lastUsed"],
        engine_ids=engine_ids,
        model=row["model"],
        revision=row["revision"],
    )


def _key(row: Row) -> tuple[str, str, str]:
    return row["model"], row["revision"], row["file"]


class Provenance(NamedTuple):
    """Where a file comes from, to be kept with it.

    Attributes:
        headers: The hub's response headers, names in lower case.
        integrity: Who vouches for it, as in `integrity.ExpectedFile`.
        hub: The hub's root URL; None when it was imported.
    """

    headers: Mapping[str, str]
    integrity: str
    hub: str | None


class CachedFile(NamedTuple):
    """A file that is kept.

    Attributes:
        blob: Its bytes.
        sha256: Their SHA-256 in lower-case hexadecimal, as it was when they were stored.
        integrity: Who vouches for it, as in `integrity.ExpectedFile`.
        fields: The header record.
    """

    blob: Blob
    sha256: str
    integrity: str
    fields: Mapping[str, Any]

    @property
    def etag(self) -> str | None:
        """The hub's entity tag, or None when it sent none."""
        return etag_of(self.fields)


def header_record(response: Mapping[str, str], size: int, now: int) -> Row:
    """Return what Firefox keeps of a response's headers."""
    # Firefox's fields, in its order (ModelHub.sys.mjs, extractHeaders).
    return {
        "Content-Type": response.get("content-type", "application/octet-stream").partition(";")[0].strip(),
        "Content-Length": response.get("content-length"),
        "ETag": response.get("etag", "NO_ETAG"),
        "fileSize": size,
        "lastUpdated": now,
        "lastUsed": now,
    }
