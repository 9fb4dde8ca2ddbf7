"""The files of a model with their roles, joined from a listing and the stored files. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelden.hub.catalog.file_roles import (
    SUFFIXES,
    USUAL_PLACE,
    DataType,
    FileRole,
    WeightsPlace,
    needed_files,
    role_of,
)

if TYPE_CHECKING:
    from modelden.errors import UnavailableError
    from modelden.hub.catalog.file_info import FileInfo
    from modelden.hub.catalog.repository import RepositoryListing


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file of a model's repository.

    Attributes:
        path: Path in the repository.
        role: The purpose, the part and data type of weights, and the reason why no page ever requests it.
        size: In bytes; None when unknown.
        sha256: SHA-256 in lower-case hexadecimal; None when unknown.
        needed: The task will request it; None when no task was named.
        stored: It is stored in this browser.
    """

    __module__ = "modelden"

    path: str
    role: FileRole
    size: int | None
    sha256: str | None
    needed: bool | None
    stored: bool


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a revision of a model.

    Attributes:
        files: In the order of their paths. Without a list they are the stored files and those that the task requests.
        source: The source of the list: ``manifest`` (signed), ``tree`` (the hub) or ``unknown`` (none).
        reason: The reason why there is no list, in words; else None.
        error: The error behind the reason; None with a list.
    """

    __module__ = "modelden"

    files: tuple[RepositoryFile, ...]
    source: str
    reason: str | None
    error: UnavailableError | None = field(default=None, repr=False, compare=False)

    def _repr_html_(self) -> str:
        from modelden.display.html import flag, size, table

        rows = [(file.path, size(file.size), flag(file.needed), flag(file.stored)) for file in self.files]
        title = f"{len(self.files)} files" + (f". {self.reason}" if self.reason else "")
        return table(title, ("file", "size", "needed", "stored"), rows)

    @property
    def to_download(self) -> tuple[RepositoryFile, ...]:
        """The files that the task needs and that are not stored."""
        return tuple(file for file in self.files if file.needed and not file.stored)

    @property
    def download_size(self) -> int | None:
        """Bytes of `to_download`; None when a size is unknown."""
        sizes = [file.size for file in self.to_download]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def missing(self) -> tuple[RepositoryFile, ...]:
        """The files that the task needs and the repository lacks; empty when there is no list."""
        if self.reason is not None:
            return ()
        return tuple(file for file in self.to_download if file.size is None)


def join_files(
    listing: RepositoryListing,
    stored: Iterable[FileInfo],
    task: str | None,
    dtype: DataType,
    place: WeightsPlace = USUAL_PLACE,
) -> ModelFiles:
    """Join the listed and the stored files of a revision.

    Args:
        listing: The files on the hub.
        stored: The files in this browser.
        task: The task that will use the model, or None.
        dtype: The data type, or that of each part.
        place: The place of the ONNX files that the task will use.
    """
    local = {file.path: file for file in stored}
    remote = {file.path: file for file in listing.files or ()}
    available = None if listing.files is None else remote.keys()
    needed = set() if task is None else needed_files(task, dtype, available, place)
    files = []
    for path in sorted({*local, *remote, *needed}):
        info = remote.get(path) or local.get(path)
        files.append(
            RepositoryFile(
                path=path,
                role=role_of(path),
                size=info.size if info else None,
                sha256=info.sha256 if info else None,
                needed=None if task is None else path in needed,
                stored=path in local,
            )
        )
    return ModelFiles(tuple(files), listing.source, listing.reason, listing.error)


def alternative_dtypes(path: str, available: Iterable[str]) -> tuple[str, ...]:
    """Return the data types that a repository has of a part of a model.

    Args:
        path: The missing file of weights.
        available: The paths in the repository.
    """
    missing = role_of(path)
    roles = map(role_of, available)
    dtypes = {role.dtype for role in roles if role.part == missing.part and not role.external_data}
    return tuple(dtype for dtype in SUFFIXES if dtype in dtypes) if missing.dtype else ()
