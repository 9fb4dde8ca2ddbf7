"""What a model consists of, what of it a task will need, and what of it is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelden.hub.catalog.file_roles import SUFFIXES, FileRole, needed_files, role_of

if TYPE_CHECKING:
    from modelden.hub.catalog.repository import RepositoryListing
    from modelden.hub.store.records import StoredFile


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file of a model's repository.

    Attributes:
        path: Path in the repository.
        role: What it is for, which part and data type weights are, and why no page ever asks for it.
        size: In bytes; None when nobody tells.
        sha256: SHA-256 in lower-case hexadecimal; None when nobody tells.
        needed: The task will ask for it; None when no task was named.
        stored: It is kept in this browser.
    """

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
        files: In the order of their paths. When nobody lists them, what is kept and what the task will ask for by name.
        source: Who lists them: ``manifest`` (signed), ``tree`` (the hub) or ``unknown`` (nobody).
        reason: Why nobody lists them, in words; else None.
    """

    files: tuple[RepositoryFile, ...]
    source: str
    reason: str | None

    @property
    def to_download(self) -> tuple[RepositoryFile, ...]:
        """What the task needs and is not kept."""
        return tuple(file for file in self.files if file.needed and not file.stored)

    @property
    def download_size(self) -> int | None:
        """Bytes of `to_download`; None when a size is not known."""
        sizes = [file.size for file in self.to_download]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def missing(self) -> tuple[RepositoryFile, ...]:
        """What the task needs and the repository does not have; nothing when nobody lists it."""
        if self.reason is not None:
            return ()
        return tuple(file for file in self.to_download if file.size is None)


def join_files(remote: RepositoryListing, stored: Iterable[StoredFile], task: str | None, dtype: str) -> ModelFiles:
    """Put together what is known of a revision.

    Args:
        remote: What the hub has.
        stored: What is kept.
        task: The task that it is for, or None.
        dtype: The data type, one of `roles.SUFFIXES`.
    """
    kept = {file.path: file for file in stored}
    listed = {file.path: file for file in remote.files or ()}
    there = None if remote.files is None else set(listed)
    needed = set() if task is None else needed_files(task, dtype, there)
    files = []
    for path in sorted({*listed, *kept, *needed}):
        known = listed.get(path) or kept.get(path)
        files.append(
            RepositoryFile(
                path=path,
                role=role_of(path),
                size=known.size if known else None,
                sha256=known.sha256 if known else None,
                needed=None if task is None else path in needed,
                stored=path in kept,
            )
        )
    return ModelFiles(tuple(files), remote.source, remote.reason)


def alternative_dtypes(path: str, there: Iterable[str]) -> tuple[str, ...]:
    """Return the data types that a repository has of the part of a model whose weights it lacks.

    Args:
        path: The file of weights that it does not have.
        there: The paths that it has.
    """
    missing = role_of(path)
    roles = map(role_of, there)
    same = {role.dtype for role in roles if role.part == missing.part and not role.external_data}
    return tuple(dtype for dtype in SUFFIXES if dtype in same) if missing.dtype else ()
